"""Shows the progress of a training: a bar on a terminal, lines elsewhere, JSON for programs."""

import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from priorkit.config import RunConfig, format_duration
from priorkit.display.console import Console
from priorkit.display.folding import folded
from priorkit.engine import Engine
from priorkit.errors import NonFiniteLossError
from priorkit.plugins.wording import without_controls
from priorkit.training import NoticedSymptom, Observer, Review, Session

__all__ = ["Progress"]

_PAUSE = 5.0
"""Minimal time in seconds between plain lines."""


def _short(losses: dict[str, float]) -> list[str]:
    """Formats the losses of each phase: `autoencoder: reconstruction 0.31, ...`."""
    phases: dict[str, list[str]] = {}
    for name, value in losses.items():
        phase, _, term = name.partition("/")
        phases.setdefault(phase.replace("_", " "), []).append(f"{term.replace('_', ' ')} {value:.3g}")
    return [f"{phase}: {', '.join(terms)}" for phase, terms in phases.items()]


class Advancing(Protocol):
    """A training whose progress can be shown: of a run, or a fit to given codes."""

    @property
    def config(self) -> RunConfig:
        """The settings of the training."""

    @property
    def engine(self) -> Engine:
        """The engine of the training."""

    @property
    def seconds(self) -> float:
        """The training time so far in seconds."""

    @property
    def steps(self) -> int:
        """The number of steps so far."""

    def total_steps(self) -> int | None:
        """Returns the total number of steps; None if only time limits the training."""


class Progress(Observer):
    """Shows the progress of a training.

    Args:
        console: The console to print to.
        unit: The items of batches: `images` or `codes`.
        place: Function that returns the training's folder for programs, called when it has started: `{"run": ...}`.
    """

    def __init__(self, console: Console, unit: str = "images", place: Callable[[], Mapping[str, str]] = dict) -> None:
        self.console = console
        self.unit = unit
        self.place = place
        self._live: Any = None
        self._bar: Any = None
        self._losses = ""
        self._task: Any = None
        self._began = 0.0
        self._first_step = self._first_images = 0
        self._last_line = 0.0
        self._scores: dict[str, float] = {}

    def started(self, session: Advancing) -> None:
        """Shows the bar."""
        self._began = self._last_line = time.monotonic()
        self._first_step, self._first_images = session.steps, session.engine.images_seen
        about = {"step": session.steps, "total_steps": session.total_steps()}
        self.console.data({"event": "start", **self.place(), **about})
        if self.console.is_terminal:
            from rich.console import Group
            from rich.live import Live
            from rich.progress import BarColumn, TextColumn
            from rich.progress import Progress as Bar
            from rich.text import Text

            columns = ("step {task.fields[step]}", f"{{task.fields[rate]:.0f}} {self.unit}/s, {{task.fields[left]}}")
            self._bar = Bar(TextColumn(columns[0]), BarColumn(), TextColumn(columns[1]))
            self._task = self._bar.add_task("", total=1.0, step="0", rate=0.0, left="starting")
            # The losses have lines of their own: on a narrow terminal they would leave no room for the bar.
            self._live = Live(get_renderable=lambda: Group(self._bar, Text(self._losses, style="dim")))
            self._live.start()

    def entered_stage(self, session: Session) -> None:
        """Announces the stage that begins, and its batches."""
        stages, stage = session.system.stages, session.stage
        number, names = stages.index(stage) + 1, [phase.name for phase in stage.phases]
        self._began = time.monotonic()
        self._first_step, self._first_images = session.steps, session.engine.images_seen
        self.console.data({"event": "stage", "step": session.steps, "stage": number, "phases": names})
        words = f"{', '.join(names).replace('_', ' ')}, on {stage.batch.value}"
        self._print(f"stage {number} of {len(stages)}: {words}")

    def rolled_back(self, session: Session, error: NonFiniteLossError) -> None:
        """Reports the error, and the checkpoint from which training continues."""
        what, rates = str(error).partition(":")[0], f"{session.rates.reduction:g} of the learning rates"
        self.console.data({"event": "rolled back", "step": session.steps, "reason": what})
        self._print(f"{what}: continuing from the checkpoint of step {session.steps}, with {rates}")

    def _print(self, line: str) -> None:
        """Prints a line, above the bar if there is one."""
        if self._live is not None:
            # A path that is longer than a line stays whole, so that it can be copied.
            text = folded(without_controls(line), self._live.console.width)
            self._live.console.print(text, style="dim", highlight=False, markup=False, soft_wrap=True)
        else:
            self.console.line(line)

    def stepped(self, session: Advancing) -> None:
        """Advances the bar."""
        if self._bar is not None:
            total = session.total_steps()
            self._bar.update(
                self._task,
                completed=self._share(session),
                step=f"{session.steps}/{total}" if total else str(session.steps),
                rate=self._rate(session),
                left=self._left(session),
            )

    def measured(self, session: Advancing, losses: dict[str, float]) -> None:
        """Shows the losses."""
        now = time.monotonic()
        self.console.data(
            {
                "event": "losses",
                "step": session.steps,
                self.unit: session.engine.images_seen,
                "seconds": round(session.seconds, 3),
                f"{self.unit}_per_second": round(self._rate(session), 1),
                "losses": losses,
            }
        )
        self._losses = "\n".join(_short(losses))
        if self._bar is None and now - self._last_line >= _PAUSE:
            self._last_line = now
            total = session.total_steps()
            self.console.line(
                f"step {session.steps}{f'/{total}' if total else ''}, {self._rate(session):.0f} {self.unit}/s, "
                f"{self._left(session)} | {' | '.join(_short(losses))}"
            )

    def reviewed(self, session: Session, review: Review) -> None:
        """Shows the held-out scores."""
        self._scores = review.scores
        self.console.data({"event": "review", "step": session.steps, "scores": review.scores})
        text = ", ".join(f"{name.replace('_', ' ')} {value:.4f}" for name, value in review.scores.items())
        self._print(f"step {session.steps}: held-out {text}")

    def noticed(self, session: Session, symptom: NoticedSymptom) -> None:
        """Reports a symptom to programs; people see the warning."""
        kind, of = symptom.symptom.value, symptom.of
        self.console.data(
            {"event": "symptom", "step": session.steps, "symptom": kind, "of": of, "value": symptom.value}
        )

    def ended(self, session: Session, reason: str | None) -> None:
        """Removes the bar."""
        self.close()

    def close(self) -> None:
        """Ends the display; may be called twice."""
        if self._live is not None:
            self._live.stop()
            self._live = self._bar = None

    @property
    def scores(self) -> dict[str, float]:
        """The last held-out scores."""
        return self._scores

    def _rate(self, session: Advancing) -> float:
        seconds = time.monotonic() - self._began
        return (session.engine.images_seen - self._first_images) / seconds if seconds > 0 else 0.0

    def _share(self, session: Advancing) -> float:
        total, limit = session.total_steps(), session.config.max_time
        shares = [session.steps / total] if total else []
        shares += [session.seconds / limit] if limit else []
        return min(1.0, max(shares, default=0.0))

    def _left(self, session: Advancing) -> str:
        total, limit = session.total_steps(), session.config.max_time
        left = [limit - session.seconds] if limit else []
        done, seconds = session.steps - self._first_step, time.monotonic() - self._began
        if total and done > 0:
            left.append((total - session.steps) * seconds / done)
        return f"{format_duration(max(0.0, min(left)))} left" if left else "no limit"
