"""How commands speak: to people, to programs, or not at all."""

import json
import sys
from collections.abc import Sequence
from typing import Any

__all__ = ["Console"]

_WIDTH = 160
"""Columns of a table that goes to no terminal."""


class Console:
    """Where a command's output goes.

    Args:
        as_json: Print JSON objects, one a line, and nothing else.
        quiet: Print nothing but errors.
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
            print(text, flush=True)

    def data(self, value: Any) -> None:
        """An object for programs."""
        if self.as_json:
            print(json.dumps(value, default=str), flush=True)

    def columns(self, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """A table with a header for people."""
        if self.for_people:
            from rich.box import SIMPLE
            from rich.console import Console as Rich
            from rich.table import Table
            from rich.text import Text

            table = Table(box=SIMPLE, pad_edge=False)
            for name in header:
                table.add_column(Text(name), overflow="fold")
            for row in rows:
                table.add_row(*(Text(cell) for cell in row))
            # Where nobody looks on, as in a file, lines may be long.
            Rich(file=sys.stdout, highlight=False, width=None if self.is_terminal else 200).print(table)

    def table(self, title: str, rows: list[tuple[str, str]]) -> None:
        """Two columns for people."""
        if self.for_people:
            from rich.console import Console as Rich
            from rich.table import Table
            from rich.text import Text

            table = Table(title=title, title_justify="left", show_header=False, box=None, pad_edge=False)
            table.add_column(no_wrap=True)
            table.add_column(overflow="fold")
            for name, value in rows:
                table.add_row(Text(name), Text(value))
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
                table.add_row(*(Text(cell) for cell in row))
            # Where nobody looks on, as in a file, lines may be long.
            Rich(file=sys.stdout, width=None if self.is_terminal else _WIDTH, highlight=False).print(table)
