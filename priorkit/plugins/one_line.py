"""Text of plug-ins, made fit to stand in a line on a terminal."""

import re

__all__ = ["in_one_line"]

_ESCAPE_SEQUENCE = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")
"""A terminal's control sequence: colours, movements of the cursor."""


def in_one_line(text: str, limit: int | None = None, *, indent: int = 0) -> str:
    """Text without line breaks, control characters and what cannot be encoded.

    Args:
        text: The text.
        limit: How many characters of it to show at most.
        indent: How many spaces to put before it.
    """
    plain = "".join(character if character.isprintable() else " " for character in _ESCAPE_SEQUENCE.sub("", text))
    words = " ".join(plain.split())
    shown = words if limit is None or len(words) <= limit else f"{words[: limit - 3]}..."
    return " " * indent + shown
