"""What a benchmark is."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from paired import Comparison
from table import Table

__all__ = ["Benchmark", "Settings", "Unsupported"]


class Unsupported(Exception):  # noqa: N818 - it is no error of the benchmark's
    """The benchmark cannot run here; the text says why and what would help."""


@dataclass(frozen=True)
class Settings:
    """What the command line asks of every benchmark.

    Attributes:
        repeats: Turns of each contender that count; None leaves it to the benchmark.
        threads: Threads of one process.
    """

    repeats: int | None
    threads: int

    def turns(self, usual: int) -> int:
        """How many turns to take where a benchmark usually takes `usual`."""
        return self.repeats or usual


@dataclass(frozen=True)
class Benchmark:
    """One benchmark, by name.

    Attributes:
        name: What users type.
        summary: One line for `--list`.
        run: Measures, and gives results one by one.
    """

    name: str
    summary: str
    run: Callable[[Settings], Iterator[Comparison | Table]]
