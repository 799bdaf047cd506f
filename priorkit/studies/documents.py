"""The texts that studies leave behind: tables in Markdown, and files that appear whole."""

from collections.abc import Sequence
from pathlib import Path

from priorkit.runs import explained_os_errors
from priorkit.whole_files import write_whole

__all__ = ["markdown_table", "write_document"]


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table whose cells may hold any text; it ends with a line break."""
    lines = [header, ["---"] * len(header), *rows]
    return "".join(f"| {' | '.join(_escaped(cell) for cell in line)} |\n" for line in lines)


def _escaped(cell: str) -> str:
    return " ".join(cell.replace("\\", "\\\\").replace("|", "\\|").split("\n"))


def write_document(path: Path, text: str) -> None:
    """Writes a text file, which appears whole or not at all.

    Raises:
        RunFolderError: It cannot be written.
    """
    with explained_os_errors("write", None):
        write_whole(path, text)
