"""Shows a sweep as it goes: a line for whatever happens to a trial."""

import math
from collections.abc import Mapping
from pathlib import Path

from priorkit.display.console import Console
from priorkit.sweeps import SweepObserver, SweepRequest

__all__ = ["SweepProgress"]


class SweepProgress(SweepObserver):
    """Tells the user how a sweep goes.

    Args:
        console: Where to.
        request: The sweep.
    """

    def __init__(self, console: Console, request: SweepRequest) -> None:
        self.console = console
        self.request = request
        self._ended = 0
        self._stopping = False

    def opened(self, request: SweepRequest, done: int) -> None:
        """Says how much there is to do."""
        names = ", ".join(option.name.replace("_", "-") for option in request.space.options)
        before = f", {done} of them done before" if done else ""
        self.console.line(f"{request.trials} trials{before}, {request.jobs} at once, in {request.out}: {names}")
        if request.pruner != "none" and not request.prunes:
            why = "there are several objectives" if len(request.objectives) > 1 else "reviews do not tell the objective"
            self.console.line(f"no trial is ended early, because {why}")

    def started_trial(self, number: int, params: Mapping[str, str], run: Path, *, again: bool) -> None:
        """A line."""
        given = ", ".join(f"{name.replace('_', '-')} {_short(value)}" for name, value in params.items())
        self._tell("going_on" if again else "training", number, run=str(run), params=dict(params))
        self.console.line(f"trial {number}: {'going on' if again else 'training'} with {given}")

    def reviewed_trial(self, number: int, step: int, scores: Mapping[str, float]) -> None:
        """An object for programs alone: there would be too many lines."""
        finite = {name: value if math.isfinite(value) else None for name, value in scores.items()}
        self._tell("review", number, step=step, scores=finite)

    def warned(self, number: int, message: str) -> None:
        """An object for programs alone; the run's report has it."""
        self._tell("warning", number, message=message)

    def progressed(self, ended: int) -> None:
        """For the lines that follow."""
        self._ended = ended

    def completed_trial(self, number: int, figures: Mapping[str, float]) -> None:
        """A line."""
        self._tell("complete", number, figures=dict(figures))
        found = ", ".join(f"{item.name.replace('_', ' ')} {figures[item.name]:.4g}" for item in self.request.objectives)
        self.console.line(f"[{self._ended}/{self.request.trials}] trial {number}: {found}")

    def pruned_trial(self, number: int, step: int) -> None:
        """A line."""
        self._tell("pruned", number, step=step)
        self.console.line(
            f"[{self._ended}/{self.request.trials}] trial {number}: ended at step {step}, as it does worse than others"
        )

    def failed_trial(self, number: int, reason: str) -> None:
        """A line."""
        self._tell("failed", number, message=reason)
        self.console.line(f"[{self._ended}/{self.request.trials}] trial {number}: failed: {reason}")

    def cut_short(self, number: int, reason: str) -> None:
        """A line."""
        self._tell("cut_short", number, message=reason)
        text = "its run is saved" if self._stopping else f"cut short: {reason}; another trial resumes its run"
        self.console.line(f"trial {number}: {text}")

    def waiting(self, elsewhere: int) -> None:
        """A line."""
        self.console.data({"event": "waiting", "elsewhere": elsewhere})
        self.console.line(f"waiting for {elsewhere} trial{'s' * (elsewhere != 1)} that other processes train")

    def stopping(self, reason: str) -> None:
        """A line."""
        self.console.data({"event": "stopping", "message": reason})
        self._stopping = True
        self.console.line("ending: every run saves what it has")

    def _tell(self, event: str, number: int, **values: object) -> None:
        self.console.data({"event": event, "trial": number, **values})


def _short(value: str) -> str:
    """A value with as many digits as people read."""
    try:
        number = float(value)
    except ValueError:
        return value
    return value if value.isdigit() else f"{number:.4g}"
