"""Shows a training in a notebook: a bar, the losses and the last samples, redrawn in place."""

import time
from typing import Any

from priorkit.config import format_duration
from priorkit.display.progress import Advancing
from priorkit.errors import NonFiniteLossError
from priorkit.figures.inline_images import inline_grid
from priorkit.pages import Html
from priorkit.training import NoticedSymptom, Observer, Review, Session

__all__ = ["NotebookProgress"]

_PAUSE = 0.5
"""Minimal time in seconds between two updates of the bar, because each is a message to the browser."""
_SHOWN = 16
"""Number of samples to show."""


class NotebookProgress(Observer):
    """Shows the state of a training below the cell that runs it.

    Args:
        unit: The items of batches: `images` or `codes`.
    """

    def __init__(self, unit: str = "images") -> None:
        self.unit = unit
        self._handle: Any = None
        self._drawn = self._began = 0.0
        self._first_images = 0
        self._losses: dict[str, float] = {}
        self._scores: dict[str, float] = {}
        self._picture = Html("")
        self._notes: list[str] = []

    def started(self, session: Advancing) -> None:
        """Shows an empty bar."""
        from IPython.display import HTML, display

        self._began, self._first_images = time.monotonic(), session.engine.images_seen
        if isinstance(session, Session):
            self._notes = list(session.data.notes)
        self._handle = display(HTML(self.html(session)), display_id=True)

    def stepped(self, session: Advancing) -> None:
        """Advances the bar."""
        if time.monotonic() - self._drawn >= _PAUSE:
            self._draw(session)

    def measured(self, session: Advancing, losses: dict[str, float]) -> None:
        """Shows the losses."""
        self._losses = losses
        self._draw(session)

    def reviewed(self, session: Session, review: Review) -> None:
        """Shows the held-out scores, and samples."""
        self._scores = review.scores
        self._picture = inline_grid(review.samples[:_SHOWN], "samples")
        self._draw(session)

    def noticed(self, session: Session, symptom: NoticedSymptom) -> None:
        """Shows the warning."""
        self._notes.append(f"step {session.steps}: {symptom}")

    def rolled_back(self, session: Session, error: NonFiniteLossError) -> None:
        """Shows the error, and the checkpoint from which training continues."""
        self._notes.append(f"{error}: continuing from the checkpoint of step {session.steps}")

    def ended(self, session: Advancing, reason: str | None) -> None:
        """Shows the last state."""
        if reason is not None:
            self._notes.append(f"{reason} at step {session.steps}")
        self._draw(session)

    def close(self) -> None:
        """Does nothing: the last state stays visible."""

    def _draw(self, session: Advancing) -> None:
        from IPython.display import HTML

        self._drawn = time.monotonic()
        if self._handle is not None:
            self._handle.update(HTML(self.html(session)))

    def html(self, session: Advancing) -> Html:
        """Returns the state as self-contained HTML."""
        total, seconds = session.total_steps(), time.monotonic() - self._began
        share = min(1.0, session.steps / total) if total else 0.0
        rate = (session.engine.images_seen - self._first_images) / seconds if seconds > 0 else 0.0
        steps = f"step {session.steps}{f' of {total}' if total else ''}"
        told = f"{steps}, {rate:.0f} {self.unit}/s, {format_duration(session.seconds)}"
        losses = ", ".join(f"{name.replace('_', ' ')} {value:.3g}" for name, value in self._losses.items())
        scores = ", ".join(f"{name.replace('_', ' ')} {value:.4f}" for name, value in self._scores.items())
        rows = [told, losses, f"held-out {scores}" if scores else "", *self._notes]
        lines = Html("").join(Html("<div>{}</div>").format(row) for row in rows if row)
        bar = Html('<progress max="1" value="{:.4f}" style="width: 24em"></progress>').format(share) if total else ""
        return Html('<div style="font-family: sans-serif; font-size: 0.9em">{}{}{}</div>').format(
            bar, lines, self._picture
        )
