"""The nearest name to one that nobody knows."""

import difflib
from collections.abc import Iterable

__all__ = ["nearest"]


def nearest(name: str, candidates: Iterable[str]) -> str:
    """Ends a sentence about an unknown name: `; did you mean 'x'?` for the closest candidate, or a full stop."""
    close = difflib.get_close_matches(name, list(candidates), n=1, cutoff=0.6)
    return f"; did you mean {close[0]!r}?" if close else "."
