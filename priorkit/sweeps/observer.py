"""Observers of a sweep."""

from collections.abc import Mapping
from pathlib import Path

from priorkit.sweeps.request import SweepRequest

__all__ = ["SweepObserver"]


class SweepObserver:
    """An observer of a sweep, which is notified of its events. Every method does nothing unless it is overridden.

    Examples:
        >>> from priorkit.sweeps import SweepObserver
        >>> class Counter(SweepObserver):
        ...     completed = 0
        ...
        ...     def completed_trial(self, number, figures):
        ...         self.completed += 1
    """

    def opened(self, request: SweepRequest, done: int) -> None:
        """The study is open; `done` trials were finished before."""

    def started_trial(self, number: int, params: Mapping[str, str], run: Path, *, again: bool) -> None:
        """A trial starts, or resumes (`again`), in a run folder."""

    def reviewed_trial(self, number: int, step: int, scores: Mapping[str, float]) -> None:
        """A trial's run was reviewed."""

    def warned(self, number: int, message: str) -> None:
        """A trial's run has issued a warning."""

    def progressed(self, ended: int) -> None:
        """The total number of finished trials, here and elsewhere; called before each of the next three methods."""

    def completed_trial(self, number: int, figures: Mapping[str, float]) -> None:
        """A trial is complete."""

    def pruned_trial(self, number: int, step: int) -> None:
        """A trial was pruned at a step, because it did worse than others."""

    def failed_trial(self, number: int, reason: str) -> None:
        """A trial has failed for good."""

    def cut_short(self, number: int, reason: str) -> None:
        """A trial was interrupted and will be resumed: its process was killed or has disappeared."""

    def waiting(self, elsewhere: int) -> None:
        """No trials are left to draw, and this number of trials is still training elsewhere."""

    def stopping(self, reason: str) -> None:
        """The trials in training are stopping, and save their state; `reason` says why."""
