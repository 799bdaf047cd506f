"""The output of commands: for people, for programs, or none."""

import contextlib
import json
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TextIO

from priorkit.display.folding import folded, width_of
from priorkit.display.tables import listing, print_table
from priorkit.plugins.wording import without_controls

__all__ = ["Console", "stdout_for_data", "stdout_spared"]

_data_streams: list[TextIO] = []
"""The stream for programs' data, if no other output may go there."""


@contextlib.contextmanager
def stdout_for_data() -> Iterator[None]:
    """Reserves stdout for programs' data: other output inside this context, such as a plug-in's, goes to stderr."""
    _data_streams.append(sys.stdout)
    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield
    finally:
        _data_streams.pop()


@contextlib.contextmanager
def stdout_spared() -> Iterator[None]:
    """Redirects output that bypasses `sys.stdout`, such as a child process's, from stdout to stderr."""
    if sys.__stdout__ is None or sys.__stderr__ is None:
        yield
        return
    try:
        target, errors = sys.__stdout__.fileno(), sys.__stderr__.fileno()
        sys.__stdout__.flush()
        kept = os.dup(target)
    except (OSError, ValueError):
        # A stream is closed, or is not a file.
        yield
        return
    try:
        os.dup2(errors, target)
        yield
    finally:
        with contextlib.suppress(OSError, ValueError):
            sys.__stdout__.flush()
        os.dup2(kept, target)
        os.close(kept)


class Console:
    """Prints a command's output.

    Args:
        as_json: Whether to print JSON only, one object per line.
        quiet: Whether to print only errors, and at the end the path of the result.
    """

    def __init__(self, *, as_json: bool = False, quiet: bool = False) -> None:
        self.as_json = as_json
        self.quiet = quiet

    @property
    def for_people(self) -> bool:
        """Whether the output is for people: neither JSON nor quiet."""
        return not (self.as_json or self.quiet)

    @property
    def is_terminal(self) -> bool:
        """Whether the output is for people and goes to a terminal that can redraw."""
        return self.for_people and sys.stdout.isatty() and os.environ.get("TERM") not in ("dumb", "unknown")

    def line(self, text: str = "") -> None:
        """Prints a line for people, folded at spaces on a terminal."""
        if self.for_people:
            print(folded(without_controls(text), self._width), flush=True)

    def result(self, where: str | Path) -> None:
        """Prints the path of a command's result, if quiet: `RUN=$(priorkit ... --quiet)` then gets the path alone."""
        if self.quiet and not self.as_json:
            stream = _data_streams[-1] if _data_streams else sys.stdout
            print(where, file=stream, flush=True)

    def data(self, value: Any) -> None:
        """Prints a JSON object for programs."""
        if self.as_json:
            stream = _data_streams[-1] if _data_streams else sys.stdout
            print(json.dumps(value, default=str), file=stream, flush=True)

    def columns(self, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Prints a table for people, with a line below its header."""
        self._grid(header, rows, ruled=True)

    def grid(self, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Prints a table for people, without lines."""
        self._grid(header, rows, ruled=False)

    def _grid(self, header: Sequence[str], rows: Sequence[Sequence[str]], *, ruled: bool) -> None:
        if self.for_people:
            plain = [[without_controls(cell) for cell in row] for row in rows]
            print_table([without_controls(name) for name in header], plain, self._width, ruled=ruled)

    def table(self, title: str, rows: list[tuple[str, str]]) -> None:
        """Prints names and values for people, below a title."""
        if self.for_people:
            plain = [(without_controls(name), without_controls(value)) for name, value in rows]
            self.line(title)
            print(listing(plain, self._width), flush=True)

    @property
    def _width(self) -> int | None:
        return width_of(sys.stdout)
