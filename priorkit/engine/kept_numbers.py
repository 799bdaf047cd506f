"""Numbers that come from files."""

from typing import Any

__all__ = ["real_number", "whole_number"]


def whole_number(value: Any, what: str) -> int:
    """A number that counts something.

    Args:
        value: As it was found.
        what: What it counts, for the message.

    Raises:
        ValueError: It is no whole number from 0 on.
    """
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**63:
        raise ValueError(f"the number of {what} is {value!r:.60}")
    return value


def real_number(value: Any, what: str) -> float:
    """A number that measures something.

    Args:
        value: As it was found.
        what: What it measures, for the message.

    Raises:
        ValueError: It is no finite number from 0 on.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < float("inf"):
        raise ValueError(f"the {what} is {value!r:.60}")
    return float(value)
