"""Shows a study as it goes: a heading for each run, and the run's own progress below it."""

from collections.abc import Sequence

from priorkit.config import format_duration
from priorkit.display.console import Console
from priorkit.display.progress import Progress
from priorkit.runs import TrainingRun
from priorkit.studies import PlannedRun, Request, StudyObserver
from priorkit.training import Observer

__all__ = ["StudyProgress"]


class StudyProgress(StudyObserver):
    """Tells the user how a study goes.

    Args:
        console: Where to.
        request: The study.
    """

    def __init__(self, console: Console, request: Request) -> None:
        self.console = console
        self.request = request
        self._total = 0
        self._progress: Progress | None = None

    def planned(self, runs: Sequence[PlannedRun]) -> None:
        """Says how much there is to do."""
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
        """A line."""
        self._tell("kept", run, number, f"{run.path} is complete")

    def training(self, run: PlannedRun, number: int, training: TrainingRun) -> None:
        """A heading."""
        session, data = training.session, training.data
        if number == 1:
            for note in data.notes:
                self.console.line(f"  {note}")
        doing = f"going on at step {session.steps} with" if training.resumed else "training"
        where = f"{session.precision.device} in {session.precision.name}"
        self._tell("training", run, number, f"{doing} {run.path}, {len(data.train)} images, on {where}")

    def observers(self, run: PlannedRun) -> list[Observer]:
        """The run's own progress."""
        self.close()
        self._progress = Progress(self.console)
        return [self._progress]

    def diverged(self, run: PlannedRun, message: str) -> None:
        """A line."""
        self.close()
        self.console.data({"event": "diverged", "run": str(run.path), "message": message})
        self.console.line(f"{run.path} is given up: {message}")

    def refused(self, run: PlannedRun, reason: str) -> None:
        """A line."""
        self.close()
        self.console.data({"event": "refused", "run": str(run.path), "message": reason})
        self.console.line(f"{run.path} is left out: {reason}")

    def started_beside(self, run: PlannedRun, number: int) -> None:
        """A line."""
        self._tell("started", run, number, f"{run.path}")

    def ended_beside(self, run: PlannedRun, number: int, message: str) -> None:
        """A line."""
        self._tell("ended", run, number, f"{run.path}: {message or 'trained'}")

    def scoring(self, run: PlannedRun) -> None:
        """A line."""
        self.close()
        self.console.line(f"scoring {run.path}")

    def drawing(self) -> None:
        """A line."""
        self.console.line("drawing pictures")

    def picture_note(self, message: str) -> None:
        """A line."""
        self.console.data({"event": "picture_note", "message": message})
        self.console.line(f"note: {message}")

    def close(self) -> None:
        """Gives the terminal back; may be called twice."""
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
