"""Writes the documents of studies: Markdown tables, and text files that are written atomically."""

from collections.abc import Sequence
from pathlib import Path

from priorkit.runs import explained_os_errors
from priorkit.whole_files import write_whole

__all__ = ["markdown_table", "write_document"]


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Formats a Markdown table, which ends with a line break; cells may contain any text."""
    lines = [header, ["---"] * len(header), *rows]
    return "".join(f"| {' | '.join(_escaped(cell) for cell in line)} |\n" for line in lines)


def _escaped(cell: str) -> str:
    return " ".join(cell.replace("\\", "\\\\").replace("|", "\\|").split("\n"))


def write_document(path: Path, text: str) -> None:
    """Writes a text file atomically.

    Raises:
        RunFolderError: The file cannot be written.
    """
    with explained_os_errors("write", None):
        write_whole(path, text)
