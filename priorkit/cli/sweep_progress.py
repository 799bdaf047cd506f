"""Shows the progress of a sweep: a line for each event of a trial."""

import math
from collections.abc import Mapping
from pathlib import Path

from priorkit.display.console import Console
from priorkit.sweeps import SweepObserver, SweepRequest

__all__ = ["SweepProgress"]


class SweepProgress(SweepObserver):
    """Prints the progress of a sweep.

    Args:
        console: The console to print to.
        request: The sweep.
    """

    def __init__(self, console: Console, request: SweepRequest) -> None:
        self.console = console
        self.request = request
        self._ended = 0
        self._stopping = False

    def opened(self, request: SweepRequest, done: int) -> None:
        """Prints the number of trials and the searched options."""
        names = ", ".join(option.name.replace("_", "-") for option in request.space.options)
        before = f", {done} of them done before" if done else ""
        self.console.line(f"{request.trials} trials{before}, {request.jobs} at once, in {request.out}: {names}")
        if request.pruner != "none" and not request.prunes:
            why = "there are several objectives" if len(request.objectives) > 1 else "reviews lack the objective"
            self.console.line(f"no trial is ended early, because {why}")

    def started_trial(self, number: int, params: Mapping[str, str], run: Path, *, again: bool) -> None:
        """Prints the settings of a trial that starts or resumes."""
        given = ", ".join(f"{name.replace('_', '-')} {_short(value)}" for name, value in params.items())
        self._tell("going_on" if again else "training", number, run=str(run), params=dict(params))
        self.console.line(f"trial {number}: {'resuming' if again else 'training'} with {given}")

    def reviewed_trial(self, number: int, step: int, scores: Mapping[str, float]) -> None:
        """Reports a review, with `--json` only: for people these would be too many lines."""
        finite = {name: value if math.isfinite(value) else None for name, value in scores.items()}
        self._tell("review", number, step=step, scores=finite)

    def warned(self, number: int, message: str) -> None:
        """Reports a warning, with `--json` only: people find it in the run's report."""
        self._tell("warning", number, message=message)

    def progressed(self, ended: int) -> None:
        """Keeps the number of ended trials for the lines that follow."""
        self._ended = ended

    def completed_trial(self, number: int, figures: Mapping[str, float]) -> None:
        """Prints the objectives of a completed trial."""
        self._tell("complete", number, figures=dict(figures))
        found = ", ".join(f"{item.name.replace('_', ' ')} {figures[item.name]:.4g}" for item in self.request.objectives)
        self.console.line(f"[{self._ended}/{self.request.trials}] trial {number}: {found}")

    def pruned_trial(self, number: int, step: int) -> None:
        """Prints that a trial was ended early."""
        self._tell("pruned", number, step=step)
        self.console.line(
            f"[{self._ended}/{self.request.trials}] trial {number}: ended at step {step}: worse than other trials"
        )

    def failed_trial(self, number: int, reason: str) -> None:
        """Prints why a trial failed."""
        self._tell("failed", number, message=reason)
        self.console.line(f"[{self._ended}/{self.request.trials}] trial {number}: failed: {reason}")

    def cut_short(self, number: int, reason: str) -> None:
        """Prints that a trial was interrupted."""
        self._tell("cut_short", number, message=reason)
        text = "its run is saved" if self._stopping else f"cut short: {reason}; another trial resumes its run"
        self.console.line(f"trial {number}: {text}")

    def waiting(self, elsewhere: int) -> None:
        """Prints that other processes still train trials."""
        self.console.data({"event": "waiting", "elsewhere": elsewhere})
        self.console.line(f"waiting for {elsewhere} trial{'s' * (elsewhere != 1)} that other processes train")

    def stopping(self, reason: str) -> None:
        """Prints that the sweep stops and all runs are being saved."""
        self.console.data({"event": "stopping", "message": reason})
        self._stopping = True
        self.console.line("stopping: every run saves a checkpoint")

    def _tell(self, event: str, number: int, **values: object) -> None:
        self.console.data({"event": event, "trial": number, **values})


def _short(value: str) -> str:
    """Rounds a number to four digits; returns other values unchanged."""
    try:
        number = float(value)
    except ValueError:
        return value
    return value if value.isdigit() else f"{number:.4g}"
