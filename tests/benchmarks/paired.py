"""Times two contenders in turns, A B A B ..., so that other load on the machine affects both alike."""

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

__all__ = ["Comparison", "Contender", "Here", "alternate"]


class Contender(Protocol):
    """One of the two sides of a comparison."""

    @property
    def name(self) -> str:
        """What tables call it."""

    def seconds(self) -> float:
        """Does the work once, and returns how many seconds it took."""


@dataclass(frozen=True)
class Here:
    """Work that is done in this process, timed by the wall clock.

    Attributes:
        name: The contender's name in tables.
        work: Does the work once.
        wait: Called before the clock is read, to wait for a device that works asynchronously.
    """

    name: str
    work: Callable[[], object]
    wait: Callable[[], object] = lambda: None

    def seconds(self) -> float:
        self.wait()
        began = time.perf_counter()
        self.work()
        self.wait()
        return time.perf_counter() - began


@dataclass(frozen=True)
class Comparison:
    """The result of timing two contenders in turns.

    Attributes:
        title: What is compared.
        names: Names of the first contender and the second.
        seconds: The seconds of each contender's turns, in order; both lists have the same length.
        work: Amount of work in one turn, in `unit`.
        unit: The unit of work in a rate, such as `images`. If empty, the figures are seconds.
        target: The lowest acceptable ratio, or None.
        notes: Facts about the set-up, checked in the same run.
    """

    title: str
    names: tuple[str, str]
    seconds: tuple[Sequence[float], Sequence[float]]
    work: float = 1.0
    unit: str = ""
    target: float | None = None
    notes: Mapping[str, Any] = field(default_factory=dict)

    @property
    def medians(self) -> tuple[float, float]:
        """Median seconds of each contender."""
        return statistics.median(self.seconds[0]), statistics.median(self.seconds[1])

    @property
    def ratio(self) -> float:
        """How many times as fast the first contender is as the second, by the medians."""
        first, second = self.medians
        return second / first

    @property
    def pair_ratios(self) -> list[float]:
        """The same ratio for each pair of neighbouring turns; its spread shows how reliable the ratio is."""
        return [second / first for first, second in zip(*self.seconds, strict=True)]

    def lines(self) -> list[str]:
        """Returns the lines to print."""
        width = max(map(len, self.names))
        shown = [self.title]
        for name, seconds in zip(self.names, self.seconds, strict=True):
            middle, low, high = statistics.median(seconds), min(seconds), max(seconds)
            if self.unit:
                rates = f"{self.work / middle:.4g} {self.unit}/s ({self.work / high:.4g} to {self.work / low:.4g})"
            else:
                rates = f"{middle:.3g} s ({low:.3g} to {high:.3g})"
            shown.append(f"  {name:<{width}}  {rates}")
        verdict, pairs = "", self.pair_ratios
        if self.target is not None:
            met = self.ratio >= self.target
            verdict = f"; at least {self.target:g} wanted: {'met' if met else 'NOT MET'}"
            if any((pair >= self.target) != met for pair in pairs):
                verdict += ", but not all pairs agree"
        shown.append(
            f"  ratio of medians {self.ratio:.3f} ({len(pairs)} pairs, {min(pairs):.3f} to {max(pairs):.3f}){verdict}"
        )
        shown += [f"  {key}: {value}" for key, value in self.notes.items()]
        return shown

    def record(self) -> dict[str, Any]:
        """Returns plain values for JSON."""
        return {
            "title": self.title,
            "names": list(self.names),
            "seconds": [list(values) for values in self.seconds],
            "medians": list(self.medians),
            "work": self.work,
            "unit": self.unit,
            "ratio": self.ratio,
            "pair_ratios": self.pair_ratios,
            "target": self.target,
            "notes": dict(self.notes),
        }


def alternate(
    first: Contender, second: Contender, *, repeats: int, warm_up: int = 1
) -> tuple[list[float], list[float]]:
    """Lets both contenders work in turns, the first one first.

    Args:
        first: The first contender.
        second: The second contender.
        repeats: Measured turns of each, at least 1.
        warm_up: Turns of each before the measured ones.

    Returns:
        The seconds of each contender's measured turns.
    """
    assert repeats >= 1
    taken: tuple[list[float], list[float]] = ([], [])
    for turn in range(warm_up + repeats):
        for contender, seconds in zip((first, second), taken, strict=True):
            passed = contender.seconds()
            if turn >= warm_up:
                seconds.append(passed)
    return taken
