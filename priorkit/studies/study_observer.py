"""Observers of a study."""

from collections.abc import Sequence

from priorkit.runs import TrainingRun
from priorkit.studies.plan import PlannedRun
from priorkit.training import Observer

__all__ = ["StudyObserver"]


class StudyObserver:
    """An observer of a study, which is notified of its progress. Every method does nothing unless it is overridden."""

    def planned(self, runs: Sequence[PlannedRun]) -> None:
        """The runs of the study are planned."""

    def kept(self, run: PlannedRun, number: int) -> None:
        """Run `number`, counted from 1, was trained before."""

    def training(self, run: PlannedRun, number: int, training: TrainingRun) -> None:
        """Run `number`, counted from 1, is about to be trained."""

    def observers(self, run: PlannedRun) -> list[Observer]:
        """Returns the observers of the run's training."""
        return []

    def diverged(self, run: PlannedRun, message: str) -> None:
        """A run is given up because its training diverged; the study continues."""

    def refused(self, run: PlannedRun, reason: str) -> None:
        """A prior cannot be fitted to the codes of the other run; the study continues."""

    def started_beside(self, run: PlannedRun, number: int) -> None:
        """Run `number`, counted from 1, starts to be trained or scored by a worker process."""

    def ended_beside(self, run: PlannedRun, number: int, message: str) -> None:
        """The worker process of a run has ended; the message says what went wrong, and is empty if nothing did."""

    def scoring(self, run: PlannedRun) -> None:
        """A run is being scored."""

    def drawing(self) -> None:
        """Pictures are being drawn."""

    def picture_note(self, message: str) -> None:
        """Some or all words of a picture's text are unknown; the message names the picture and the text."""
