"""Folds lines where a terminal would break them in the middle of a word."""

import os
import re
import shutil
import unicodedata
from typing import TextIO

__all__ = ["folded", "shown_width", "width_of"]

_NARROWEST = 20
"""Columns below which nothing is folded any more."""


def width_of(stream: TextIO | None) -> int | None:
    """How many columns a line may have: those of the terminal that a stream goes to, or what `COLUMNS` says.

    Returns:
        None where lines may be as long as they are, as in a file.
    """
    if stream is None:
        return None
    try:
        of_terminal = stream.isatty()
    except ValueError:
        # It is closed.
        return None
    if not of_terminal and not os.environ.get("COLUMNS", "").isdecimal():
        return None
    return max(_NARROWEST, shutil.get_terminal_size().columns)


def shown_width(text: str) -> int:
    """How many columns a text takes: some characters take two, or none."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(character) else 2 if unicodedata.east_asian_width(character) in "WF" else 1
        for character in text
    )


def folded(text: str, width: int | None, *, hang: int | None = None) -> str:
    """Text whose lines are at most so wide, as far as there are spaces to fold them at: words and paths stay whole.

    Args:
        text: Lines.
        width: Columns; None folds nothing.
        hang: By how many columns the rest of a folded line is indented; two more than the line itself by default.
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
