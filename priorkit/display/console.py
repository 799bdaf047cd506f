"""How commands speak: to people, to programs, or not at all."""

import contextlib
import json
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TextIO

from priorkit.plugins.wording import without_controls

__all__ = ["Console", "stdout_for_data", "stdout_spared"]

_WIDTH = 160
"""Columns of a table that goes to no terminal."""
_data_streams: list[TextIO] = []
"""Where what programs read goes, if anything else must not go there."""


@contextlib.contextmanager
def stdout_for_data() -> Iterator[None]:
    """Keeps stdout for what programs read: what anything else prints inside, a plug-in perhaps, goes to stderr."""
    _data_streams.append(sys.stdout)
    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield
    finally:
        _data_streams.pop()


@contextlib.contextmanager
def stdout_spared() -> Iterator[None]:
    """Has what is written to stdout past `sys.stdout`, by a child process perhaps, go to stderr."""
    if sys.__stdout__ is None or sys.__stderr__ is None:
        yield
        return
    try:
        target, errors = sys.__stdout__.fileno(), sys.__stderr__.fileno()
        sys.__stdout__.flush()
        kept = os.dup(target)
    except (OSError, ValueError):
        # One of them is closed, or is no file.
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
    """Where a command's output goes.

    Args:
        as_json: Print JSON objects, one a line, and nothing else.
        quiet: Print nothing but errors, and at the end where the result lies.
    """

    def __init__(self, *, as_json: bool = False, quiet: bool = False) -> None:
        self.as_json = as_json
        self.quiet = quiet

    @property
    def for_people(self) -> bool:
        """Whether people read along."""
        return not (self.as_json or self.quiet)

    @property
    def is_terminal(self) -> bool:
        """Whether people read along on a terminal, which can redraw."""
        return self.for_people and sys.stdout.isatty()

    def line(self, text: str = "") -> None:
        """A line for people."""
        if self.for_people:
            print(without_controls(text), flush=True)

    def result(self, where: str | Path) -> None:
        """Where the result of a command lies: all that a quiet one prints, so that `RUN=$(priorkit ...)` has it."""
        if self.quiet and not self.as_json:
            stream = _data_streams[-1] if _data_streams else sys.stdout
            print(where, file=stream, flush=True)

    def data(self, value: Any) -> None:
        """An object for programs."""
        if self.as_json:
            stream = _data_streams[-1] if _data_streams else sys.stdout
            print(json.dumps(value, default=str), file=stream, flush=True)

    def columns(self, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """A table with a header for people."""
        if self.for_people:
            from rich.box import SIMPLE
            from rich.console import Console as Rich
            from rich.table import Table
            from rich.text import Text

            table = Table(box=SIMPLE, pad_edge=False)
            for name in header:
                table.add_column(Text(without_controls(name)), overflow="fold")
            for row in rows:
                table.add_row(*(Text(without_controls(cell)) for cell in row))
            # Where nobody looks on, as in a file, lines may be long.
            Rich(file=sys.stdout, highlight=False, width=None if self.is_terminal else 200).print(table)

    def table(self, title: str, rows: list[tuple[str, str]]) -> None:
        """Two columns for people."""
        if self.for_people:
            from rich.console import Console as Rich
            from rich.table import Table
            from rich.text import Text

            shown = Text(without_controls(title))
            table = Table(title=shown, title_justify="left", show_header=False, box=None, pad_edge=False)
            table.add_column(no_wrap=True)
            table.add_column(overflow="fold")
            for name, value in rows:
                table.add_row(Text(without_controls(name)), Text(without_controls(value)))
            Rich(file=sys.stdout, soft_wrap=not self.is_terminal, highlight=False).print(table)

    def grid(self, headings: list[str], rows: list[list[str]]) -> None:
        """Columns with headings for people; the last column is folded, the others are not."""
        if self.for_people:
            from rich.console import Console as Rich
            from rich.table import Table
            from rich.text import Text

            table = Table(box=None, pad_edge=False, header_style="bold")
            for heading in headings:
                last = heading == headings[-1]
                table.add_column(heading, no_wrap=not last, overflow="fold" if last else "ellipsis")
            for row in rows:
                table.add_row(*(Text(without_controls(cell)) for cell in row))
            # Where nobody looks on, as in a file, lines may be long.
            Rich(file=sys.stdout, width=None if self.is_terminal else _WIDTH, highlight=False).print(table)
