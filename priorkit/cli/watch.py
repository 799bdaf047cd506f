"""`priorkit watch`."""

from __future__ import annotations

import os
import sys
import threading
import webbrowser
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from priorkit.cli.arguments import Parser, add_common, join_values, refuse_unknown, whole_number
from priorkit.display.console import Console
from priorkit.errors import ConfigurationError
from priorkit.registry import Registry

__all__ = ["watch_command"]

_HIGHEST_PORT = 65535


def _parser() -> Parser:
    parser = Parser(
        "priorkit watch",
        "Shows runs in a browser while they train: their progress, newest samples, curves and warnings. "
        "New runs appear by themselves. The page is served to this machine alone, until Ctrl-C.",
    )
    parser.add_argument(
        "folders",
        metavar="RUN|DIR",
        type=Path,
        nargs="*",
        help="run folders, or folders with run folders below them (default: runs)",
    )
    parser.add_argument(
        "--port",
        type=whole_number(0),
        metavar="N",
        help="the page's port; 0 for any free port (default: 8642, or the next free port)",
    )
    parser.add_argument(
        "--no-browser", action="store_true", help="do not open a browser (default: open one from a terminal)"
    )
    add_common(parser)
    return parser


def watch_command(arguments: Sequence[str], registry: Registry) -> int:
    """Serves the page until Ctrl-C, the normal way to end this command; returns the exit status."""
    parser = _parser()
    found, unknown = parser.parse_known_args(join_values(arguments, {"--port"}, ()))
    refuse_unknown(unknown, parser.flags(), parser.prog)
    if found.port is not None and found.port > _HIGHEST_PORT:
        raise ConfigurationError(f"--port {found.port}: a port is a number up to {_HIGHEST_PORT}")
    folders = found.folders or [Path("runs")]

    from priorkit.watching import DEFAULT_PORT, RunTable, open_server

    console = Console(as_json=found.json, quiet=found.quiet)
    with open_server(RunTable(folders), found.port) as server:
        try:
            port = urlsplit(server.address).port
            if found.port is None and port != DEFAULT_PORT:
                console.line(f"port {DEFAULT_PORT} is taken; using {port}")
            console.data({"event": "serving", "address": server.address})
            console.line(f"watching {', '.join(map(str, folders))} on {server.address} (Ctrl-C ends)")
            console.result(server.address)
            if console.for_people and sys.stdout.isatty() and not found.no_browser and _has_windows():
                # With some browsers, the call returns only when the browser is closed.
                threading.Thread(target=webbrowser.open, args=(server.address,), daemon=True).start()
            server.serve_forever()
        except KeyboardInterrupt:
            console.line("\nstopped watching")
    return 0


def _has_windows() -> bool:
    """Whether a browser would open a window; a browser in the terminal would take it from this command."""
    if sys.platform in ("win32", "darwin"):
        return True
    return any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"))
