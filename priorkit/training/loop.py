"""The training loop: steps a session and tells observers what happens."""

import math
import time
from collections.abc import Callable, Sequence

from priorkit.errors import DataError, NonFiniteLossError
from priorkit.training.observer import Observer
from priorkit.training.session import Session
from priorkit.training.symptom_watch import SymptomWatch

__all__ = ["run_session"]

_LOOKED_FOR_FAULTS = 50
"""Steps between checks for losses and gradients that are not finite, on devices for which a check waits."""
_LEAST_REDUCTION = 1 / 32
"""Factor of learning rates at each rollback."""
_DECISIVE = ("sample_distance", "reconstruction_error")
"""Scores of a review that select the best checkpoint: the first available one is used."""
_OF_FEATURES = "frechet_distance"
"""The score of an evaluation that replaces it after the first evaluation: it compares features rather than pixels."""


class _Schedule:
    """What is due after a step."""

    def __init__(self, session: Session, observers: Sequence[Observer]) -> None:
        self.session = session
        self.observers = observers
        self.reviewed_at = -1
        # A new run has no checkpoint yet; a resumed run has the one that it resumes from.
        self.checkpointed_at = session.steps or -1

    def measure(self, *, reset: bool) -> None:
        with self.session.processes.together():
            losses = self.session.engine.losses(reset=reset)
            for observer in self.observers:
                observer.measured(self.session, losses)

    def review(self) -> None:
        processes, scores = self.session.processes, {}
        self.reviewed_at = self.session.steps
        with processes.together():
            self.session.settle()
            self.session.check_finite()
        with processes.together():
            # One process evaluates, the others wait: they have the same networks.
            if processes.is_main:
                review = self.session.review()
                scores = review.scores
                for observer in self.observers:
                    observer.reviewed(self.session, review)
        scores = processes.gather(scores)[0]
        if "features" not in self.session.best:
            distance = next((scores[name] for name in _DECISIVE if name in scores), 0.0)
            if distance < self.session.best.get("score", float("inf")):
                self.session.best = {"score": distance, "step": self.session.steps}
                self.checkpoint(["last", "best"])

    def score(self) -> None:
        with self.session.processes.together():
            self.session.settle()
            self.session.check_finite()
        scores: dict[str, float] = {}
        with self.session.processes.together():
            for observer in self.observers:
                scores.update(observer.scores_due(self.session))
        scores = self.session.processes.gather(scores)[0]
        distances = [value for name, value in scores.items() if name.endswith(_OF_FEATURES) and math.isfinite(value)]
        best = self.session.best
        if distances and ("features" not in best or min(distances) < best["score"]):
            # The other key names the kind of score: scores of reviews cannot be compared with it.
            self.session.best = {"score": min(distances), "step": self.session.steps, "features": 1.0}
            self.checkpoint(["last", "best"])

    def checkpoint(self, names: list[str]) -> None:
        self.checkpointed_at = self.session.steps
        with self.session.processes.together():
            self.session.settle()
            self.session.check_finite()
            for observer in self.observers:
                observer.checkpointed(self.session, names)

    def after_step(self) -> None:
        config, steps = self.session.config, self.session.steps
        alone = self.session.processes.count == 1
        if (alone and self.session.precision.device.type == "cpu") or steps % _LOOKED_FOR_FAULTS == 0:
            with self.session.processes.together():
                self.session.engine.check_finite()
        # A stage ends with its own losses and pictures.
        stage_ends = self.session.at_stage_end()
        if steps % config.log_every == 0 or stage_ends:
            self.measure(reset=True)
        if steps % config.sample_every == 0 or stage_ends:
            self.review()
        if config.evaluate_every is not None and steps % config.evaluate_every == 0:
            self.score()
        if steps % config.checkpoint_every == 0 and self.checkpointed_at != steps:
            self.checkpoint(["last"])

    def at_end(self, *, complete: bool) -> None:
        steps = self.session.steps
        if complete:
            if steps % self.session.config.log_every != 0:
                # Not reset: a run that is prolonged later must continue as if it had not ended here.
                self.measure(reset=False)
            if self.reviewed_at != steps:
                self.review()
        if self.checkpointed_at != steps:
            self.checkpoint(["last"])


def run_session(
    session: Session,
    observers: Sequence[Observer],
    stop: Callable[[], str | None],
    restore: Callable[[], None] | None = None,
) -> str | None:
    """Trains until a limit of the configuration is reached or `stop` gives a reason.

    Where several processes train together, all of them call this; a reason that one has stops all of them.

    Args:
        session: The session to train.
        observers: The observers; with several processes, give them to the main process only.
        stop: Called before every step; if it returns a text, the run ends with a checkpoint and without the final
            review.
        restore: Loads the session's last checkpoint, from which diverged training resumes with half the learning rates;
            None to end instead.

    Returns:
        Why it stopped early, or None.

    Raises:
        NonFiniteLossError: Training diverged; the checkpoints saved before are untouched.
        ProcessesError: Another process has failed.
        DataError: A streamed image cannot be read; a checkpoint of the previous step is saved.
    """
    try:
        return _run(session, observers, stop, restore)
    finally:
        session.close()


def _run(
    session: Session,
    observers: Sequence[Observer],
    stop: Callable[[], str | None],
    restore: Callable[[], None] | None,
) -> str | None:
    processes = session.processes
    if processes.is_main:
        observers = [*observers, SymptomWatch(observers)]
    session.start_together()
    schedule = _Schedule(session, observers)
    with processes.together():
        for observer in observers:
            observer.started(session)
    if session.steps == 0:
        # From here on, the run can always be resumed.
        schedule.checkpoint(["last"])
    began = time.perf_counter() - session.seconds
    while True:
        try:
            reason, failure, failed = _train(session, observers, stop, schedule, began)
            schedule.at_end(complete=reason is None and not failed)
            break
        except NonFiniteLossError as error:
            if restore is None or session.rates.reduction <= _LEAST_REDUCTION:
                raise
            _roll_back(session, restore)
            schedule = _Schedule(session, observers)
            for observer in observers:
                observer.rolled_back(session, error)
    with processes.together():
        if failure is not None:
            # Nothing has been trained on the missing batch: the checkpoint is of the previous step.
            raise failure
        session.seconds = time.perf_counter() - began
        for observer in observers:
            observer.ended(session, reason)
    return reason


def _train(
    session: Session,
    observers: Sequence[Observer],
    stop: Callable[[], str | None],
    schedule: _Schedule,
    began: float,
) -> tuple[str | None, DataError | None, bool]:
    """Takes steps until there is a reason to end.

    Returns:
        The reason, if `stop` gave one; the error, if this process could not read a batch; and whether any process could
        not.
    """
    processes, entered = session.processes, None
    while True:
        failure = _fetch(session)
        reason, session.seconds, failed = processes.agree(stop(), session.seconds, failed=failure is not None)
        if reason is not None or failed or session.finished():
            return reason, failure, failed
        if session.stage is not entered and len(session.system.stages) > 1:
            entered = session.stage
            with processes.together():
                for observer in observers:
                    observer.entered_stage(session)
        session.step()
        session.seconds = time.perf_counter() - began
        schedule.after_step()
        for observer in observers:
            observer.stepped(session)


def _roll_back(session: Session, restore: Callable[[], None]) -> None:
    # The checkpoint may be older than an earlier rollback, whose reduction of the rates still counts.
    reduction, seconds = session.rates.reduction / 2, session.seconds
    restore()
    session.rates.reduction, session.seconds = reduction, seconds
    session.rates.set(session.stage, session.steps)


def _fetch(session: Session) -> DataError | None:
    """Reads the next batch, if there is one; returns the error if it cannot be read."""
    try:
        if not session.finished():
            session.fetch()
    except DataError as error:
        return error
    return None
