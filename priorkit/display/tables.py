"""Lays out tables without breaking words, on terminals of any width."""

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from priorkit.display.folding import folded, shown_width

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ["column_widths", "listing", "print_table", "records"]

_BETWEEN = 2
"""Space between two columns of a table, in characters."""
_COMFORTABLE = 24
"""Width in characters up to which cells are not folded while others can be: figures and names stay on one line."""


def column_widths(rows: Sequence[Sequence[str]], room: int | None) -> list[int] | None:
    """Returns the width of each column: that of its cells if there is room, but at least that of its longest word.

    Args:
        rows: The cells, including those of the header.
        room: Total width in characters; None for no limit.

    Returns:
        The widths; None if the longest words do not fit side by side.
    """
    columns = list(zip(*rows, strict=True))
    widths = [max(map(shown_width, column)) for column in columns]
    if room is None:
        return widths
    least = [max((shown_width(word) for cell in column for word in cell.split()), default=0) for column in columns]
    for bound in ([max(one, _COMFORTABLE) for one in least], least):
        while sum(widths) > room:
            index = max(range(len(widths)), key=lambda index: (widths[index] > bound[index], widths[index]))
            if widths[index] <= bound[index]:
                break
            widths[index] -= 1
    return widths if sum(widths) <= room else None


def print_table(header: Sequence[str], rows: Sequence[Sequence[str]], width: int | None, *, ruled: bool) -> None:
    """Prints a table, or a list for each row if the table is too wide.

    Args:
        header: The columns' titles.
        rows: The cells.
        width: Width of the terminal in characters; None for no limit.
        ruled: Whether to draw a line below the header.
    """
    room = None if width is None else width - _BETWEEN * (len(header) - 1)
    widths = column_widths([header, *rows], room)
    if widths is None:
        print(records(header, rows, width), flush=True)
        return
    from rich.console import Console

    whole = sum(widths) + _BETWEEN * (len(header) - 1)
    Console(file=sys.stdout, highlight=False, width=max(whole, 1)).print(_table(header, rows, widths, ruled=ruled))


def _table(header: Sequence[str], rows: Sequence[Sequence[str]], widths: Sequence[int], *, ruled: bool) -> "Table":
    from rich.box import SIMPLE
    from rich.table import Table
    from rich.text import Text

    table = Table(
        box=SIMPLE if ruled else None,
        show_edge=False,
        pad_edge=False,
        # A ruled table has one more character between its columns.
        padding=(0, _BETWEEN - ruled, 0, 0),
        header_style="bold",
    )
    for name, width in zip(header, widths, strict=True):
        table.add_column(Text(name), width=width)
    for row in rows:
        table.add_row(*map(Text, row))
    return table


def records(header: Sequence[str], rows: Sequence[Sequence[str]], width: int | None) -> str:
    """Formats a table as lists, one for each row: the column's title, and the row's cell."""
    return "\n\n".join(
        listing([(name, cell) for name, cell in zip(header, row, strict=True) if cell], width) for row in rows
    )


def listing(rows: Sequence[tuple[str, str]], width: int | None) -> str:
    """Formats names and values side by side; values are folded at spaces."""
    names = max((shown_width(name) for name, _ in rows), default=0) + 2
    return "\n".join(
        folded(f"{name}{' ' * (names - shown_width(name))}{value}", width, hang=names) for name, value in rows
    )
