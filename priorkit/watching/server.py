"""The server of the page, for browsers on this machine alone; it serves nothing but data of watched runs."""

import errno
import json
import re
import socketserver
import sys
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from priorkit.errors import ConfigurationError
from priorkit.runs.report import kept_pictures
from priorkit.watching.page import watch_page
from priorkit.watching.run_table import RunTable
from priorkit.watching.watched_run import PICTURES
from priorkit.whole_files import read_regular

__all__ = ["DEFAULT_PORT", "WatchServer", "open_server"]

DEFAULT_PORT = 8642
_LOOPBACK = "127.0.0.1"
_PORTS_TRIED = 20
_MOST_CHOSEN = 20
"""Maximal number of runs in one request for curves."""
_HOST = re.compile(r"(?P<name>localhost|127\.0\.0\.1|\[::1\])(:[0-9]{1,5})?", re.IGNORECASE)
"""Host names of this machine in requests; the port may be that of a tunnel."""
_NUMBERS = re.compile(r"[0-9]{1,9}(,[0-9]{1,9})*")
_PICTURE = re.compile(rf"/picture/(?P<run>[0-9]{{1,9}})/(?P<kind>{'|'.join(PICTURES)})/(?P<step>[0-9]{{1,18}})")
_REPORT = re.compile(r"/report/(?P<run>[0-9]{1,9})")
_PNG = b"\x89PNG"
_NOTHING = "default-src 'none'; frame-ancestors 'none'"
_REPORT_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'; sandbox allow-scripts allow-popups"
)
"""The policy for reports: a report may come from another person with its run, so it must not access this site."""
_TAKEN = (errno.EADDRINUSE, errno.EACCES, errno.EPERM)


class WatchServer(ThreadingHTTPServer):
    """A server of the page, bound to the loopback address; `serve_forever` serves.

    Args:
        table: The runs.
        port: The port; 0 for any free port.

    Raises:
        OSError: The port is not available.
    """

    daemon_threads = True
    # Except on Windows, this only allows a port whose last connections are still being closed.
    allow_reuse_address = sys.platform != "win32"
    allow_reuse_port = False

    def __init__(self, table: RunTable, port: int) -> None:
        self.table = table
        self.page = watch_page(table.folders).encode()
        super().__init__((_LOOPBACK, port), _Handler)

    @property
    def address(self) -> str:
        """The address to open in a browser."""
        return f"http://{_LOOPBACK}:{self.server_port}/"

    def server_bind(self) -> None:
        """Binds the server without looking up its host name, which may take long."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = _LOOPBACK, int(self.server_address[1])

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignores errors of requests: a browser may close a connection before its answer."""
        if not isinstance(sys.exception(), ConnectionError | TimeoutError):
            super().handle_error(request, client_address)


def open_server(table: RunTable, port: int | None = None) -> WatchServer:
    """Opens a server that listens.

    Args:
        table: The runs.
        port: The port, 0 for any free port; if None, the default port, or the next free one.

    Raises:
        ConfigurationError: The port is not available.
    """
    tried = range(DEFAULT_PORT, DEFAULT_PORT + _PORTS_TRIED) if port is None else (port,)
    for number in tried:
        try:
            return WatchServer(table, number)
        except OSError as error:
            if error.errno not in _TAKEN:
                raise
            refused = error
    if port is None:
        raise ConfigurationError(
            f"none of the ports {tried[0]} to {tried[-1]} is free; choose a port with --port N, or any with --port 0"
        )
    why = "is taken by another program" if refused.errno == errno.EADDRINUSE else "may not be used"
    raise ConfigurationError(
        f"port {port} {why} ({refused.strerror}); choose another one with --port N, or leave out --port for a free one"
    )


class _Handler(BaseHTTPRequestHandler):
    """Answers the requests of one connection."""

    server: WatchServer
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "priorkit", ""
    timeout = 60

    def do_GET(self) -> None:
        """Answers with the page, or with the data that the page requests."""
        hosts = self.headers.get_all("Host", [])
        if len(hosts) != 1 or _HOST.fullmatch(hosts[0].strip()) is None:
            # Another site's name may resolve to this address; that site's scripts could then read the answers.
            self._refuse(HTTPStatus.FORBIDDEN, f"open {self.server.address} on this machine")
            return
        try:
            asked = urlsplit(self.path)
            query = {name: values[0] for name, values in parse_qs(asked.query, max_num_fields=8).items()}
        except ValueError:
            self._refuse(HTTPStatus.BAD_REQUEST, "this address is invalid")
            return
        answers: dict[str, Callable[[dict[str, str]], None]] = {
            "/": self._page,
            "/runs": self._runs,
            "/details": self._details,
            "/curves": self._curves,
        }
        if asked.path in answers:
            answers[asked.path](query)
        elif picture := _PICTURE.fullmatch(asked.path):
            self._picture(int(picture["run"]), picture["kind"], int(picture["step"]))
        elif report := _REPORT.fullmatch(asked.path):
            self._report(int(report["run"]))
        else:
            self._refuse(HTTPStatus.NOT_FOUND, "there is nothing here")

    def _page(self, query: dict[str, str]) -> None:
        # The page contains its own policy.
        self._answer(self.server.page, "text/html; charset=utf-8", "frame-ancestors 'none'")

    def _runs(self, query: dict[str, str]) -> None:
        self._say(self.server.table.as_data())

    def _details(self, query: dict[str, str]) -> None:
        self._say({"runs": self.server.table.details(_numbers(query))})

    def _curves(self, query: dict[str, str]) -> None:
        across = "images" if query.get("across") == "images" else "step"
        found = self.server.table.curves(_numbers(query), across, query.get("known", ""))
        self._say(found or {})

    def _picture(self, number: int, kind: str, step: int) -> None:
        run = self.server.table.find(number)
        # The file is one of those found in the run's folder; no text from the request is part of its path.
        found = dict(kept_pictures(run.folder, kind)).get(step) if run is not None else None
        content = _read(found)
        if not content.startswith(_PNG):
            self._refuse(HTTPStatus.NOT_FOUND, "there is no such picture (any more)")
            return
        self._answer(content, "image/png")

    def _report(self, number: int) -> None:
        run = self.server.table.find(number)
        content = _read(run.folder.report if run is not None else None)
        if not content:
            self._refuse(HTTPStatus.NOT_FOUND, "there is no report (yet)")
            return
        self._answer(content, "text/html; charset=utf-8", _REPORT_POLICY)

    def _say(self, value: dict[str, Any]) -> None:
        self._answer(json.dumps(value, allow_nan=False).encode(), "application/json")

    def _refuse(self, status: HTTPStatus, why: str, **headers: str) -> None:
        self._answer(f"{why}\n".encode(), "text/plain; charset=utf-8", status=status, headers=headers)

    def _answer(
        self,
        content: bytes,
        kind: str,
        policy: str = _NOTHING,
        *,
        status: HTTPStatus = HTTPStatus.OK,
        headers: dict[str, str] | None = None,
    ) -> None:
        self.send_response(status)
        told = {
            "Content-Type": kind,
            "Content-Length": str(len(content)),
            "Cache-Control": "no-store",
            "Content-Security-Policy": policy,
            "X-Content-Type-Options": "nosniff",
            "Cross-Origin-Resource-Policy": "same-origin",
            "Cross-Origin-Opener-Policy": "same-origin",
            "Referrer-Policy": "no-referrer",
            **(headers or {}),
        }
        for name, value in told.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Refuses other methods and malformed requests; closes the connection, so that no rest is read as a request."""
        self.close_connection = True
        if code == HTTPStatus.NOT_IMPLEMENTED:
            self._refuse(HTTPStatus.METHOD_NOT_ALLOWED, "only GET", Allow="GET")
            return
        # For a malformed request, attributes such as the command may be missing.
        self.command = getattr(self, "command", None) or "GET"
        self.request_version = "HTTP/1.1"
        self._refuse(HTTPStatus(code), HTTPStatus(code).phrase)

    def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002
        """Logs nothing, because pages send requests every other second."""


def _numbers(query: dict[str, str]) -> list[int]:
    asked = query.get("runs", "")
    return [int(text) for text in asked.split(",")][:_MOST_CHOSEN] if _NUMBERS.fullmatch(asked) else []


def _read(file: Path | None) -> bytes:
    """Returns the content of a file; empty if it cannot be read."""
    try:
        return b"" if file is None else read_regular(file)
    except OSError:
        return b""
