"""Checks of numbers that were read from files."""

from typing import Any

__all__ = ["real_number", "whole_number"]


def whole_number(value: Any, what: str) -> int:
    """Checks a count.

    Args:
        value: The value that was read.
        what: What it counts, for the message.

    Raises:
        ValueError: It is not an integer of at least 0.
    """
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**63:
        raise ValueError(f"the number of {what} is {value!r:.60}")
    return value


def real_number(value: Any, what: str) -> float:
    """Checks a measurement.

    Args:
        value: The value that was read.
        what: What it measures, for the message.

    Raises:
        ValueError: It is not a finite number of at least 0.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < float("inf"):
        raise ValueError(f"the {what} is {value!r:.60}")
    return float(value)
