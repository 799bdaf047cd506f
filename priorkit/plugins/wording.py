"""Wording of messages: text of plug-ins on one line, and suggestions for unknown names."""

import difflib
import re
from collections.abc import Iterable

__all__ = ["in_one_line", "nearest", "without_controls"]

_ESCAPE_SEQUENCE = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")
"""A terminal's control sequence: colours, movements of the cursor."""


def in_one_line(text: str, limit: int | None = None, *, indent: int = 0) -> str:
    """Text, such as a plug-in's, without line breaks, control characters and characters that cannot be encoded.

    Args:
        text: The text.
        limit: Maximal number of characters to show.
        indent: How many spaces to put before it.
    """
    plain = "".join(character if character.isprintable() else " " for character in _ESCAPE_SEQUENCE.sub("", text))
    words = " ".join(plain.split())
    shown = words if limit is None or len(words) <= limit else f"{words[: limit - 3]}..."
    return " " * indent + shown


def without_controls(text: str) -> str:
    """Text, such as a file's name, with control characters escaped, so that a terminal does not interpret them.

    Line ends and tabs are kept.
    """
    return "".join(
        character if character.isprintable() or character in "\n\t" else ascii(character)[1:-1] for character in text
    )


def nearest(name: str, candidates: Iterable[str]) -> str:
    """Ends a sentence about an unknown name: `; did you mean 'x'?` for the closest candidate, or a full stop.

    Examples:
        >>> from priorkit.plugins import nearest
        >>> "no prior 'gausian'" + nearest("gausian", ["gaussian", "laplace"])
        "no prior 'gausian'; did you mean 'gaussian'?"
    """
    close = difflib.get_close_matches(name, list(candidates), n=1, cutoff=0.6)
    return f"; did you mean {close[0]!r}?" if close else "."
