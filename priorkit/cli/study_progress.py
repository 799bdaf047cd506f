"""Shows the progress of a study: a heading for each run, and the run's own progress below it."""

from collections.abc import Sequence

from priorkit.config import format_duration
from priorkit.display.console import Console
from priorkit.display.progress import Progress
from priorkit.runs import TrainingRun
from priorkit.studies import PlannedRun, Request, StudyObserver
from priorkit.training import Observer

__all__ = ["StudyProgress"]


class StudyProgress(StudyObserver):
    """Prints the progress of a study.

    Args:
        console: The console to print to.
        request: The study.
    """

    def __init__(self, console: Console, request: Request) -> None:
        self.console = console
        self.request = request
        self._total = 0
        self._progress: Progress | None = None

    def planned(self, runs: Sequence[PlannedRun]) -> None:
        """Prints the study's title, its systems, the number of seeds and the budget."""
        self._total = len(runs)
        systems = list(dict.fromkeys(run.system.title for run in runs))
        seconds = self.request.limit.get("max_time")
        whole = f", {format_duration(seconds * len(runs))} in all" if seconds is not None else ""
        self.console.line(f"{self.request.study.name}: {self.request.study.title}")
        self.console.line(
            f"{len(systems)} systems ({'; '.join(systems)}), {self.request.seeds} seed(s) each, {self.request.budget} "
            f"for each{whole}"
        )

    def kept(self, run: PlannedRun, number: int) -> None:
        """Prints that a run was complete already."""
        self._tell("kept", run, number, f"{run.path} is complete")

    def training(self, run: PlannedRun, number: int, training: TrainingRun) -> None:
        """Prints a heading for a run that starts or resumes."""
        session, data = training.session, training.data
        if number == 1:
            for note in data.notes:
                self.console.line(f"  {note}")
        step = f" from step {session.steps}" if training.resumed else ""
        doing = f"{'resuming' if training.resumed else 'training'} {run.path}{step}"
        where = f"{session.precision.device} in {session.precision.name}"
        self._tell("training", run, number, f"{doing}, {len(data.train)} images, on {where}")

    def observers(self, run: PlannedRun) -> list[Observer]:
        """Returns the observer that shows the run's own progress."""
        self.close()
        self._progress = Progress(self.console)
        return [self._progress]

    def diverged(self, run: PlannedRun, message: str) -> None:
        """Prints that a run diverged."""
        self.close()
        self.console.data({"event": "diverged", "run": str(run.path), "message": message})
        self.console.line(f"{run.path} is given up: {message}")

    def refused(self, run: PlannedRun, reason: str) -> None:
        """Prints why a run was left out."""
        self.close()
        self.console.data({"event": "refused", "run": str(run.path), "message": reason})
        self.console.line(f"{run.path} is left out: {reason}")

    def started_beside(self, run: PlannedRun, number: int) -> None:
        """Prints that another process trains a run."""
        self._tell("started", run, number, f"{run.path}")

    def ended_beside(self, run: PlannedRun, number: int, message: str) -> None:
        """Prints that another process has trained a run, or failed to."""
        self._tell("ended", run, number, f"{run.path}: {message or 'trained'}")

    def scoring(self, run: PlannedRun) -> None:
        """Prints that a run is being scored."""
        self.close()
        self.console.line(f"scoring {run.path}")

    def drawing(self) -> None:
        """Prints that the study's pictures are being drawn."""
        self.console.line("drawing pictures")

    def picture_note(self, message: str) -> None:
        """Prints a note about a picture."""
        self.console.data({"event": "picture_note", "message": message})
        self.console.line(f"note: {message}")

    def close(self) -> None:
        """Ends the progress display of the current run; may be called twice."""
        if self._progress is not None:
            self._progress.close()

    def _tell(self, event: str, run: PlannedRun, number: int, text: str) -> None:
        self.console.data(
            {
                "event": event,
                "number": number,
                "of": self._total,
                "system": run.system.name,
                "seed": run.seed,
                "run": str(run.path),
            }
        )
        self.console.line(f"\n[{number}/{self._total}] {run.system.title}, seed {run.seed}: {text}")
