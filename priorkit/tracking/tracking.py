"""The observer that passes a training's measurements to a tracker."""

import warnings
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Self

from priorkit.config import without_paths
from priorkit.errors import NonFiniteLossError, TrackingWarning
from priorkit.figures import draw_grid
from priorkit.plugins.wording import in_one_line
from priorkit.tracking.background import Background, Deadline
from priorkit.tracking.catalogue import build_tracker
from priorkit.tracking.kept_identities import keep_identity, kept_identity
from priorkit.tracking.tracker import TrackedRun, Tracker
from priorkit.training import NoticedSymptom, Observer, Review, Session

__all__ = ["Tracking"]

_PATIENCE = 60.0
"""Seconds that all trackers of a run together may take to send the remaining measurements at the end."""


class Tracking(Observer):
    """Passes a training's configuration, losses, learning rates, scores, symptoms and pictures to one tracker.

    If the tracker fails, there is one `TrackingWarning`, and the training continues without the tracker.

    Args:
        name: The tracker's name.
        path: The run folder.
        deadline: The deadline for sending the remaining measurements at the end; a minute if None.
    """

    def __init__(self, name: str, path: Path, deadline: Deadline | None = None) -> None:
        self.name = name
        self.path = path
        self._deadline = Deadline(_PATIENCE) if deadline is None else deadline
        self._tracker: Tracker | None = None
        self._thread: Background | None = None
        self._told = False
        self._notice = ""
        self._left = False

    @classmethod
    def of_all(cls, names: Sequence[str], path: Path) -> list[Self]:
        """Makes one observer for each tracker of a run; they share the deadline at the end."""
        deadline = Deadline(_PATIENCE)
        return [cls(name, path, deadline) for name in names]

    def started(self, session: Session) -> None:
        """Starts the tracker."""
        # Trackers show the settings to other people, so they do not name this machine's folders.
        settings = without_paths(session.config.model_dump(mode="json"))
        self._thread = Background(f"priorkit-{self.name}")
        run = TrackedRun(self.path, settings, session.steps, kept_identity(self.path, self.name))
        self._thread.call(partial(self._start, run))

    def _start(self, run: TrackedRun) -> None:
        self._tracker = build_tracker(self.name)
        identity = self._tracker.start(run)
        self._notice = self._tracker.notice
        keep_identity(self.path, self.name, identity)

    def measured(self, session: Session, losses: dict[str, float]) -> None:
        """Logs losses, and the current learning rates."""
        rates = {
            f"learning_rate/{name}": float(optimizer.param_groups[0]["lr"])
            for name, optimizer in session.engine.optimizers.items()
        }
        self._log(session, {**{f"loss/{name}": value for name, value in losses.items()}, **rates})

    def reviewed(self, session: Session, review: Review) -> None:
        """Logs a review's scores, indicators and pictures."""
        scores = {f"held_out/{name}": value for name, value in review.scores.items()}
        self._log(session, scores | {f"indicator/{name}": value for name, value in review.indicators.items()})
        pictures = {"samples": draw_grid(review.samples, review.columns)}
        if review.reconstructions is not None:
            pictures |= {"originals": draw_grid(review.originals), "reconstructions": draw_grid(review.reconstructions)}
        steps = session.steps
        self._call(lambda tracker: tracker.show(pictures, steps))

    def noticed(self, session: Session, symptom: NoticedSymptom) -> None:
        """Logs the symptom's value."""
        self._log(session, {f"symptom/{symptom.key}": symptom.value})

    def scored(self, session: Session, scores: Mapping[str, float]) -> None:
        """Logs the scores of an evaluation during training, by name."""
        self._log(session, {f"score/{name}": value for name, value in scores.items()})

    def rolled_back(self, session: Session, error: NonFiniteLossError) -> None:
        """Tells the tracker that training goes back to an earlier step."""
        steps = session.steps
        self._call(lambda tracker: tracker.go_back(steps))

    def ended(self, session: Session, reason: str | None) -> None:
        """Makes the tracker send the remaining measurements."""
        self.leave(complete=reason is None)

    def leave(self, *, complete: bool = False) -> None:
        """Makes the tracker send the remaining measurements, without waiting; only the first call counts.

        Args:
            complete: Whether the training is complete.
        """
        if self._thread is not None and not self._left:
            self._left = True
            self._thread.end(partial(self._in_thread, lambda tracker: tracker.finish(complete=complete)))

    def close(self) -> None:
        """Waits until the tracker has sent the remaining measurements, or the deadline; may be called twice."""
        self.leave()
        thread, self._thread = self._thread, None
        if thread is not None:
            thread.wait(self._deadline)
            self._tell(thread)

    def _log(self, session: Session, values: Mapping[str, float]) -> None:
        steps = session.steps
        if values:
            self._call(lambda tracker: tracker.log(values, steps))

    def _call(self, call: Callable[[Tracker], None]) -> None:
        thread = self._thread
        if thread is not None:
            thread.call(partial(self._in_thread, call))
            self._tell(thread)

    def _in_thread(self, call: Callable[[Tracker], None]) -> None:
        assert self._tracker is not None, "the thread makes no call after the first has failed"
        call(self._tracker)

    def _tell(self, thread: Background) -> None:
        """Warns of the tracker's notice or failure, in the training's thread, where warnings are expected."""
        notice, self._notice = self._notice, ""
        if notice:
            warnings.warn(f"the tracker {self.name!r}: {in_one_line(notice)}", TrackingWarning, stacklevel=3)
        if thread.failure is not None and not self._told:
            self._told = True
            reason = in_one_line(str(thread.failure)) or type(thread.failure).__name__
            warnings.warn(
                f"the tracker {self.name!r} has failed, and the training continues without it: {reason}",
                TrackingWarning,
                stacklevel=3,
            )
