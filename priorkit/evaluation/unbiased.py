"""Estimates of distances that are right on average, and so may fall below 0."""

from collections.abc import Iterable

__all__ = ["BELOW_ZERO", "UNBIASED", "below_zero_note"]

UNBIASED = frozenset({"sample_distance", "kernel-distance", "caption-kernel-distance", "code-discrepancy"})
"""The scores that are such estimates, by name; the first is of the reviews during training."""

BELOW_ZERO = "an unbiased estimate; below 0 means not distinguishable from 0"
"""What is said beside such a value."""


def below_zero_note(labels: Iterable[str]) -> str:
    """Explains values below 0, once for all of them; empty where there are none.

    Args:
        labels: What the scores are called whose values are below 0.
    """
    named = ", ".join(dict.fromkeys(labels))
    return f"{named}: {BELOW_ZERO}" if named else ""
