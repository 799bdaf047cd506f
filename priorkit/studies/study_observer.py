"""Who is told how a study goes."""

from collections.abc import Sequence

from priorkit.runs import TrainingRun
from priorkit.studies.plan import PlannedRun
from priorkit.training import Observer

__all__ = ["StudyObserver"]


class StudyObserver:
    """Is told how a study goes. Every method does nothing unless a subclass says otherwise."""

    def planned(self, runs: Sequence[PlannedRun]) -> None:
        """The study consists of these runs."""

    def kept(self, run: PlannedRun, number: int) -> None:
        """Run `number`, from 1, has been trained before."""

    def training(self, run: PlannedRun, number: int, training: TrainingRun) -> None:
        """Run `number`, from 1, is about to be trained."""

    def observers(self, run: PlannedRun) -> list[Observer]:
        """Who is to be told of that run's training."""
        return []

    def diverged(self, run: PlannedRun, message: str) -> None:
        """A run is given up because its training diverged; the study goes on."""

    def refused(self, run: PlannedRun, reason: str) -> None:
        """A prior cannot be fitted to the codes of the other run; the study goes on."""

    def started_beside(self, run: PlannedRun, number: int) -> None:
        """Run `number`, from 1, is trained or scored by another process, beside others."""

    def ended_beside(self, run: PlannedRun, number: int, message: str) -> None:
        """That process has ended; the message says what went wrong, and is empty if nothing did."""

    def scoring(self, run: PlannedRun) -> None:
        """A run is being scored."""

    def drawing(self) -> None:
        """Pictures are being drawn."""

    def picture_note(self, message: str) -> None:
        """A text of a picture is not read, or not all of it; the message says which picture and text."""
