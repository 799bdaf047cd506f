"""A kind of trial, and what its function returns."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random

__all__ = ["Trial", "Trials"]

Trials = Callable[[Path, Random, int], Iterator[str | None]]
"""Takes a folder to work in, a random generator and a number of trials. Yields for each trial the failure, or None."""


@dataclass(frozen=True)
class Trial:
    """A kind of mishap that is tried.

    Attributes:
        name: The name on the command line.
        summary: The mishap, and what must hold.
        short: Number of trials in the short form.
        long: Number of trials in the long form.
        run: Makes the trials.
    """

    name: str
    summary: str
    short: int
    long: int
    run: Trials
