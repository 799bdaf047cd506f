"""Figures in rows and columns, for benchmarks that do not compare two contenders."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Table"]


@dataclass(frozen=True)
class Table:
    """A table of figures.

    Attributes:
        title: What is measured.
        columns: Headings, with units.
        rows: Rows with one value for each column.
        notes: Facts about the set-up.
    """

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str | float]]
    notes: Mapping[str, Any] = field(default_factory=dict)

    def lines(self) -> list[str]:
        """For people."""
        cells = [list(self.columns), *([_text(value) for value in row] for row in self.rows)]
        widths = [max(len(row[column]) for row in cells) for column in range(len(self.columns))]
        padded = ["  " + "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in cells]
        return [self.title, *padded, *(f"  {key}: {value}" for key, value in self.notes.items())]

    def record(self) -> dict[str, Any]:
        """Returns plain values for JSON."""
        return {
            "title": self.title,
            "columns": list(self.columns),
            "rows": [list(row) for row in self.rows],
            "notes": dict(self.notes),
        }


def _text(value: str | float) -> str:
    if isinstance(value, str):
        return value
    return f"{value:.0f}" if value == int(value) or abs(value) >= 1000 else f"{value:.3g}"
