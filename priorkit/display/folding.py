"""Folds lines at spaces, because a terminal would break them within words."""

import os
import re
import shutil
from typing import TextIO

__all__ = ["folded", "shown_width", "width_of"]

_NARROWEST = 20
"""Minimal width in columns: for narrower terminals, nothing is folded."""


def width_of(stream: TextIO | None) -> int | None:
    """Returns the width of lines in columns: `COLUMNS`, if set, or the width of a stream's terminal.

    Returns:
        The width; None if lines may have any length, as in a file.
    """
    if stream is None:
        return None
    try:
        of_terminal = stream.isatty()
    except ValueError:
        # The stream is closed.
        return None
    if not of_terminal and not os.environ.get("COLUMNS", "").isdecimal():
        return None
    return max(_NARROWEST, shutil.get_terminal_size().columns)


def shown_width(text: str) -> int:
    """Returns the width of a text in columns: some characters take two columns, or none."""
    if text.isascii():
        return len(text)
    # Imported late: commands start sooner without it.
    from rich.cells import cell_len

    return cell_len(text)


def folded(text: str, width: int | None, *, hang: int | None = None) -> str:
    """Folds lines at spaces to at most `width` columns; longer words and paths stay whole.

    Args:
        text: One or several lines.
        width: The width in columns; None folds nothing.
        hang: Indentation of the continuation of a folded line in columns; by default, two more than the line's own.
    """
    if width is None:
        return text
    return "\n".join(_folded_line(line, width, hang) for line in text.split("\n"))


def _folded_line(line: str, width: int, hang: int | None) -> str:
    if shown_width(line) <= width:
        return line
    indent = len(line) - len(line.lstrip(" "))
    hang = indent + 2 if hang is None else hang
    longest = max(map(shown_width, line.split()))
    if width - hang < max(longest, _NARROWEST):
        hang = min(4, hang)
    lines, current = [], " " * indent
    for space, word in re.findall(r"( *)([^ ]+)", line[indent:]):
        if current.strip() and shown_width(current) + len(space) + shown_width(word) > width:
            lines.append(current)
            current = " " * hang + word
        else:
            current += space + word
    return "\n".join([*lines, current])
