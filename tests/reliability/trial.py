"""What is tried, and what came of it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random

__all__ = ["Trial", "Trials"]

Trials = Callable[[Path, Random, int], Iterator[str | None]]
"""Given a folder to work in, a source of chance and a number of trials: what failed in each, or None."""


@dataclass(frozen=True)
class Trial:
    """A kind of mishap.

    Attributes:
        name: What users type.
        summary: What is done, and what must hold.
        short: How many trials the short form makes.
        long: How many the long form makes.
        run: Makes them.
    """

    name: str
    summary: str
    short: int
    long: int
    run: Trials
