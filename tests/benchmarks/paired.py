"""Times two things in turn, A B A B ..., so that whatever else the machine does meets both alike."""

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

__all__ = ["Comparison", "Contender", "Here", "alternate"]


class Contender(Protocol):
    """One of the two things that are compared."""

    @property
    def name(self) -> str:
        """What tables call it."""

    def seconds(self) -> float:
        """Does its work once and says how long that took, in seconds."""


@dataclass(frozen=True)
class Here:
    """Work that is done in this process, timed by the wall clock.

    Attributes:
        name: What tables call it.
        work: Does it.
        wait: Called before the clock is read: waits for a device that works beside the processor.
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
    """What alternating gave.

    Attributes:
        title: What is compared.
        names: The first contender and the second.
        seconds: A list for each, equally long, in the order of time.
        work: How much of `unit` each of them does in one turn.
        unit: What a rate is given in, per second: `images`, say. Empty where seconds themselves are the figure.
        target: The lowest ratio that is good enough, or None.
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
        """Of the seconds."""
        return statistics.median(self.seconds[0]), statistics.median(self.seconds[1])

    @property
    def ratio(self) -> float:
        """How many times as fast the first is as the second, by the medians."""
        first, second = self.medians
        return second / first

    @property
    def pair_ratios(self) -> list[float]:
        """The same for each pair of neighbours; their spread tells how far to trust the ratio."""
        return [second / first for first, second in zip(*self.seconds, strict=True)]

    def lines(self) -> list[str]:
        """For people."""
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
        """For programs."""
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
    """Lets both do their work in turn.

    Args:
        first: A.
        second: B.
        repeats: Turns of each that count, at least 1.
        warm_up: Turns of each before those, which do not count.

    Returns:
        The seconds of each.
    """
    assert repeats >= 1
    taken: tuple[list[float], list[float]] = ([], [])
    for turn in range(warm_up + repeats):
        for contender, seconds in zip((first, second), taken, strict=True):
            passed = contender.seconds()
            if turn >= warm_up:
                seconds.append(passed)
    return taken
