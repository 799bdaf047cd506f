"""A benchmark, its arguments, and the exception for one that cannot run."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from paired import Comparison
from table import Table

__all__ = ["Benchmark", "Settings", "Unsupported"]


class Unsupported(Exception):  # noqa: N818 - not an error of the benchmark
    """The benchmark cannot run here; the text says why, and what would help."""


@dataclass(frozen=True)
class Settings:
    """The arguments of the command line that every benchmark gets.

    Attributes:
        repeats: Measured turns of each contender; None for the benchmark's own number.
        threads: Threads of one process.
    """

    repeats: int | None
    threads: int

    def turns(self, usual: int) -> int:
        """Returns the number of turns: `repeats`, or by default the benchmark's own number, `usual`."""
        return self.repeats or usual


@dataclass(frozen=True)
class Benchmark:
    """A benchmark.

    Attributes:
        name: The name on the command line.
        summary: One line for `--list`.
        run: Measures, and yields results one by one.
    """

    name: str
    summary: str
    run: Callable[[Settings], Iterator[Comparison | Table]]
