"""Who is told how a sweep goes."""

from collections.abc import Mapping
from pathlib import Path

from priorkit.sweeps.request import SweepRequest

__all__ = ["SweepObserver"]


class SweepObserver:
    """Is told how a sweep goes. Every method does nothing unless a subclass says otherwise.

    Examples:
        >>> from priorkit.sweeps import SweepObserver
        >>> class Counter(SweepObserver):
        ...     completed = 0
        ...
        ...     def completed_trial(self, number, figures):
        ...         self.completed += 1
    """

    def opened(self, request: SweepRequest, done: int) -> None:
        """The study is there, with so many trials done before."""

    def started_trial(self, number: int, params: Mapping[str, str], run: Path, *, again: bool) -> None:
        """A trial starts, or goes on (`again`), in a run folder."""

    def reviewed_trial(self, number: int, step: int, scores: Mapping[str, float]) -> None:
        """A trial's run was reviewed."""

    def warned(self, number: int, message: str) -> None:
        """A trial's run warns of something."""

    def progressed(self, ended: int) -> None:
        """So many trials have come to an end in all, here and elsewhere: told before each of the next three."""

    def completed_trial(self, number: int, figures: Mapping[str, float]) -> None:
        """A trial is complete."""

    def pruned_trial(self, number: int, step: int) -> None:
        """A trial was ended early, at a step, because it did worse than others."""

    def failed_trial(self, number: int, reason: str) -> None:
        """A trial has failed for good."""

    def cut_short(self, number: int, reason: str) -> None:
        """A trial was cut short, and is to be gone on with: its process was killed, or has gone."""

    def waiting(self, elsewhere: int) -> None:
        """There is nothing to draw any more, and so many trials are in training elsewhere."""

    def stopping(self, reason: str) -> None:
        """The trials in training are asked to save what they have."""
