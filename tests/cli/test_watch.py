"""`priorkit watch`."""

import contextlib
import json
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from priorkit.training import Session

NAME = "<img src=x onerror=alert(1)>"
_PATIENCE = 120.0


@contextlib.contextmanager
def watching(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The real command in a process of its own, and what it prints first."""
    command = [sys.executable, "-m", "priorkit", "watch", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process, process.stdout.readline()
        finally:
            process.kill()


def told(address: str, what: str = "runs") -> dict:
    with urllib.request.urlopen(address + what, timeout=60) as answer:
        return json.load(answer)


def wait_for(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + _PATIENCE
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.1)


@pytest.fixture
def looking_at_steps(monkeypatch: pytest.MonkeyPatch) -> Callable[[dict[int, Callable[[], None]]], None]:
    """Has functions called while a run is trained, once it has been through its turn of their steps."""

    def look(functions: dict[int, Callable[[], None]]) -> None:
        step = Session.step

        def look_then_step(session: Session) -> None:
            # The step before is done with everything that belongs to it.
            functions.get(session.steps, lambda: None)()
            step(session)

        monkeypatch.setattr(Session, "step", look_then_step)

    return look


@pytest.mark.whole
def test_runs_are_watched_from_their_beginning_to_their_end(cli, tiny, trained, looking_at_steps):
    Path("runs").mkdir()
    shutil.move(trained, f"runs/{NAME}")
    with watching("runs", "--port", "0", "--json") as (process, line):
        said = json.loads(line)
        assert said["event"] == "serving"
        address = said["address"]
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/", address)

        def states() -> dict[str, str]:
            return {run["name"]: run["state"] for run in told(address)["runs"]}

        assert states() == {NAME: "complete"}

        def look_while_it_trains() -> None:
            wait_for(lambda: states().get("new") == "running")
            [new] = [run for run in told(address)["runs"] if run["name"] == "new"]
            assert (new["step"], new["steps"], new["fraction"]) == (40, 60, 40 / 60)
            assert new["left"]
            seen.append(told(address, f"curves?runs={new['id']}"))
            assert len(told(address, f"details?runs={new['id']}")["runs"][0]["pictures"]["samples"]) == 1

        def look_again() -> None:
            known = seen[0]["key"]
            wait_for(lambda: told(address, f"curves?runs={known.split(',')[1].split(':')[0]}&known={known}") != {})

        seen: list[dict] = []
        looking_at_steps({40: look_while_it_trains, 50: look_again})
        train = ("train", "aae", *tiny, "--steps", 60, "--log-every", 10, "--sample-every", 40)
        assert cli(*train, "--out", "runs/new", "--quiet") == (0, "runs/new\n", "")
        assert len(seen) == 1
        wait_for(lambda: states()["new"] == "complete")
        shutil.rmtree("runs/new")
        wait_for(lambda: states()["new"] == "gone")
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=_PATIENCE)
        assert (process.returncode, out, err) == (0, "", "")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "no folder 'runs' to watch"),
        (("nowhere",), "no folder 'nowhere' to watch"),
        ((".", "--port", "65536"), "a port is a number up to 65535"),
        ((".", "--port", "x"), "expected a whole number"),
        ((".", "--prot", "1"), "did you mean '--port'?"),
    ],
)
def test_mistakes_are_told_in_one_line(cli, arguments, message):
    result = cli("watch", *arguments)
    assert (result.status, result.out, result.err.count("\n")) == (2, "", 1)
    assert message in result.err


def test_a_port_that_is_taken(cli):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = cli("watch", ".", "--port", port)
        assert (result.status, result.err.count("\n")) == (2, 1)
        assert f"port {port} is taken by another program" in result.err
        assert "--port N" in result.err


@pytest.fixture
def ended_at_once(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Ctrl-C as soon as the page is served; gives what browsers were asked to open."""
    from priorkit.watching import WatchServer

    def interrupt(self: WatchServer) -> None:
        raise KeyboardInterrupt

    opened: list[str] = []
    monkeypatch.setattr(WatchServer, "serve_forever", interrupt)
    monkeypatch.setattr("priorkit.cli.watch.webbrowser.open", opened.append)
    monkeypatch.setenv("DISPLAY", ":0")
    return opened


def test_ctrl_c_is_the_normal_end(cli, ended_at_once):
    result = cli("watch", ".", "--port", 0)
    assert (result.status, result.err) == (0, "")
    first, *_, last = result.out.splitlines()
    assert re.fullmatch(r"watching \. on http://127\.0\.0\.1:\d+/ \(Ctrl-C ends\)", first)
    assert last == "stopped watching"
    quiet = cli("watch", ".", "--port", 0, "--quiet")
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/\n", quiet.out)
    assert ended_at_once == []


def test_another_port_than_the_usual_is_said(cli, ended_at_once, monkeypatch):
    monkeypatch.setattr("priorkit.watching.server.DEFAULT_PORT", 8750)
    monkeypatch.setattr("priorkit.watching.DEFAULT_PORT", 8750)
    with socket.create_server(("127.0.0.1", 8750)):
        assert "port 8750 is taken; using 87" in cli("watch", ".").out


def test_a_terminal_opens_a_browser_unless_told_not_to(cli, ended_at_once, monkeypatch):
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    monkeypatch.setattr("threading.Thread.start", lambda thread: thread.run())
    cli("watch", ".", "--port", 0, "--no-browser")
    assert ended_at_once == []
    cli("watch", ".", "--port", 0)
    assert len(ended_at_once) == 1
    for spoken in ("--json", "--quiet"):
        cli("watch", ".", "--port", 0, spoken)
    assert len(ended_at_once) == 1
    monkeypatch.delenv("DISPLAY")
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.delenv("BROWSER", raising=False)
    cli("watch", ".", "--port", 0)
    assert len(ended_at_once) == (2 if sys.platform in ("win32", "darwin") else 1)
