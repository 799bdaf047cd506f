"""Unbiased estimates of distances, which may be negative."""

from collections.abc import Iterable

__all__ = ["BELOW_ZERO", "UNBIASED", "below_zero_note"]

UNBIASED = frozenset({"sample_distance", "kernel-distance", "caption-kernel-distance", "code-discrepancy"})
"""The scores that are unbiased estimates, by name; the first is that of reviews during training."""

BELOW_ZERO = "an unbiased estimate; below 0 means not distinguishable from 0"
"""The explanation shown beside a negative value."""


def below_zero_note(labels: Iterable[str]) -> str:
    """The explanation of negative values, once for all scores; empty if there are none.

    Args:
        labels: The labels of the scores with values below 0.
    """
    named = ", ".join(dict.fromkeys(labels))
    return f"{named}: {BELOW_ZERO}" if named else ""
