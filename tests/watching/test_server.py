import http.client
import json
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from priorkit.errors import ConfigurationError
from priorkit.watching import DEFAULT_PORT, RunTable, WatchServer, open_server

NAME = "<img src=x onerror=alert(1)>"


@pytest.fixture
def server(serve: Callable[..., WatchServer], make_run: Callable[..., Path]) -> WatchServer:
    make_run(NAME)
    return serve()


def ask(server: WatchServer, path: str, method: str = "GET", **headers: str) -> tuple[int, bytes, dict[str, str]]:
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=60)
    # The path goes out as it is: http.client tidies nothing.
    connection.request(method, path, headers=headers)
    answer = connection.getresponse()
    found = answer.status, answer.read(), dict(answer.getheaders())
    connection.close()
    return found


def raw(server: WatchServer, request: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", server.server_port), timeout=60) as opened:
        opened.sendall(request)
        opened.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: opened.recv(65536), b""))


def test_what_the_page_asks_for(server: WatchServer, tmp_path: Path) -> None:
    status, page, headers = ask(server, "/")
    assert (status, headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert b"connect-src 'self'" in page
    assert NAME.encode() not in page
    [run] = json.loads(ask(server, "/runs")[1])["runs"]
    assert (run["name"], run["state"]) == (NAME, "complete")
    [details] = json.loads(ask(server, f"/details?runs={run['id']}")[1])["runs"]
    assert details["name"] == NAME
    curves = json.loads(ask(server, f"/curves?runs={run['id']}&across=step")[1])
    assert curves["panels"]
    assert json.loads(ask(server, f"/curves?runs={run['id']}&across=step&known={curves['key']}")[1]) == {}
    status, picture, headers = ask(server, f"/picture/{run['id']}/samples/6?123")
    assert (status, headers["Content-Type"]) == (200, "image/png")
    assert picture == (tmp_path / "runs" / NAME / "samples" / "samples-00000006.png").read_bytes()
    status, report, headers = ask(server, f"/report/{run['id']}")
    assert status == 200
    assert report == (tmp_path / "runs" / NAME / "report.html").read_bytes()
    assert "sandbox" in headers["Content-Security-Policy"]


@pytest.mark.parametrize("path", ["/", "/runs", "/absent", "/picture/1/samples/6", "/report/1"])
def test_every_answer_is_for_this_site_alone(server: WatchServer, path: str) -> None:
    ask(server, "/runs")
    _, _, headers = ask(server, path, Origin="https://example.org")
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert not any(name.lower().startswith("access-control") for name in headers)


@pytest.mark.parametrize("host", ["example.org", "127.0.0.1.example.org", "localhost@example.org", "10.0.0.1", "", "["])
def test_other_names_of_this_machine_are_refused(server: WatchServer, host: str) -> None:
    for path in ("/", "/runs", "/report/1"):
        status, content, _ = ask(server, path, Host=host)
        assert (status, b"runs" in content) == (403, False)


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:9000", "127.0.0.1", "[::1]:80"])
def test_the_end_of_a_tunnel_is_not(server: WatchServer, host: str) -> None:
    assert ask(server, "/runs", Host=host)[0] == 200


def test_requests_without_a_host_or_with_two_are_refused(server: WatchServer) -> None:
    assert raw(server, b"GET /runs HTTP/1.0\r\n\r\n").startswith(b"HTTP/1.1 403")
    both = b"GET /runs HTTP/1.1\r\nHost: localhost\r\nHost: example.org\r\nConnection: close\r\n\r\n"
    assert raw(server, both).startswith(b"HTTP/1.1 403")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "HEAD", "BREW"])
def test_nothing_but_get_is_answered(server: WatchServer, method: str) -> None:
    status, content, headers = ask(server, "/runs", method)
    assert (status, headers["Allow"]) == (405, "GET")
    assert b"runs" not in content


@pytest.mark.parametrize(
    "path",
    [
        "/../../secret.png",
        "/picture/1/samples/../../../secret.png",
        "/picture/1/%2e%2e/6",
        "/picture/1/samples/%2e%2e%2f%2e%2e%2fsecret",
        "/picture/1/checkpoints/6",
        "/picture/../samples/6",
        "/picture/2/samples/6",
        "/picture/1/samples/5",
        "/picture/1/samples/6/",
        "/picture/\N{ARABIC-INDIC DIGIT ONE}/samples/6",
        "/report/1/../../secret.png",
        "/report/one",
        "/report/99",
        "/runs/1/config.toml",
        "//[",
        "/config.toml",
    ],
)
def test_no_path_of_a_request_reaches_a_file(server: WatchServer, path: str, tmp_path: Path) -> None:
    (tmp_path / "secret.png").write_bytes(b"\x89PNG secret")
    ask(server, "/runs")
    request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode()
    answer = raw(server, request)
    assert answer.split(b" ", 2)[1] in (b"400", b"404")
    assert b"secret" not in answer


def test_a_file_that_is_no_picture_is_not_shown(server: WatchServer, tmp_path: Path) -> None:
    ask(server, "/runs")
    (tmp_path / "passwords").write_text("secret")
    (tmp_path / "runs" / NAME / "samples" / "samples-00000009.png").symlink_to(tmp_path / "passwords")
    status, content, _ = ask(server, "/picture/1/samples/9")
    assert (status, b"secret" in content) == (404, False)


@pytest.mark.parametrize(
    "asked", ["runs=", "runs=-1", "runs=1;2", "runs=99", "x", "runs=" + "9" * 5000, "runs=1&runs=2", "x&" * 9]
)
def test_odd_questions_are_answered(server: WatchServer, asked: str) -> None:
    ask(server, "/runs")
    for path in ("/details", "/curves"):
        status, content, _ = ask(server, f"{path}?{asked}")
        assert status == (400 if asked.startswith("x&") else 200)
        assert content.startswith(b"{") is (status == 200)


@pytest.mark.parametrize("request_", [b"nonsense\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"GET /\x00 x HTTP/1.1\r\n\r\n"])
def test_nonsense_does_not_stop_it(server: WatchServer, request_: bytes, capfd: pytest.CaptureFixture[str]) -> None:
    raw(server, request_)
    raw(server, b"GET / HTTP/1.1\r\nX: " + b"y" * 70_000 + b"\r\n\r\n")
    assert ask(server, "/runs")[0] == 200
    assert capfd.readouterr() == ("", "")


def test_a_folder_that_vanishes_stops_nothing(server: WatchServer, tmp_path: Path) -> None:
    ask(server, "/runs")
    (tmp_path / "runs").rename(tmp_path / "elsewhere")
    assert ask(server, "/picture/1/samples/6")[0] == 404
    assert ask(server, "/report/1")[0] == 404
    assert ask(server, "/details?runs=1")[0] == 200


def test_only_this_machine_is_served(server: WatchServer) -> None:
    assert server.server_address[0] == "127.0.0.1"
    assert server.address == f"http://127.0.0.1:{server.server_port}/"


def test_a_port_that_is_taken_is_named_unless_any_will_do(tmp_path: Path) -> None:
    table = RunTable([tmp_path])
    with open_server(table, 0) as first, pytest.raises(ConfigurationError) as caught:
        open_server(table, first.server_port)
    assert f"port {first.server_port} is taken" in str(caught.value)
    assert "--port N, or leave out --port" in str(caught.value)
    with open_server(table) as first, open_server(table) as second:
        assert DEFAULT_PORT <= first.server_port < second.server_port < DEFAULT_PORT + 20
