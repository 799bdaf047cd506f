"""Runs a sweep: assigns trials to processes, and records their results."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from priorkit.errors import ConfigurationError, RunFolderError
from priorkit.jobs import JobEvent, JobPool, worker_environments
from priorkit.sweeps.ledger import Ledger
from priorkit.sweeps.observer import SweepObserver
from priorkit.sweeps.request import SweepRequest
from priorkit.sweeps.storage import explained_database_errors
from priorkit.sweeps.trial_job import TrialJob, carry_out_trial, refuse_other_run
from priorkit.sweeps.trials import RETRY_OF, RUN

if TYPE_CHECKING:
    import optuna
    from optuna.trial import Trial

__all__ = ["Supervision"]

_WAIT = 0.5
"""Seconds between checks for a request to stop."""
_LOOK_AROUND = 5.0
"""Seconds between checks of other processes."""
_REFUSALS = 3
"""Number of consecutive failures, before any trial has finished, that ends the sweep."""


@dataclass
class _Training:
    trial: Trial
    params: dict[str, str]
    step: int = 0


class Supervision:
    """Assigns trials to processes until there are enough, or a stop is requested.

    Args:
        study: The study.
        request: The sweep.
        observer: The observer to notify.
    """

    def __init__(self, study: optuna.Study, request: SweepRequest, observer: SweepObserver) -> None:
        self.request = request
        self.observer = observer
        self.ledger = Ledger(study, request)
        self._training: dict[int, _Training] = {}
        self._looked = -_LOOK_AROUND
        self._waits = 0
        self._refused: list[str] = []
        device = str(request.space.config({}).device)
        self._pool = JobPool(worker_environments(request.jobs, device))

    def run(self, stop: Callable[[], str | None]) -> str | None:
        """Trains all trials.

        Args:
            stop: Returns the reason if a stop is requested, or None.

        Returns:
            The reason for stopping early, or None.

        Raises:
            StudyDatabaseError: The database is not available; runs in training have been saved.
            ConfigurationError: No trial can be trained.
            RunFolderError: The folder of a trial holds a run of another sweep.
        """
        with self._pool:
            try:
                with explained_database_errors(self.request):
                    reason = self._supervise(stop)
                    if reason is not None:
                        self._end(reason)
                    return reason
            except Exception as error:
                # Runs are saved even if the database fails or priorkit has a mistake.
                self.observer.stopping(str(error))
                for _ in self._pool.stop():
                    pass
                raise

    def _supervise(self, stop: Callable[[], str | None]) -> str | None:
        while True:
            reason = stop()
            if reason is not None:
                return reason
            self._look_around()
            while self._pool.free and self._start_next():
                pass
            if not self._training and not self._others():
                return None
            for event in self._pool.events(_WAIT):
                self._understand(event)
            if len(self._refused) >= _REFUSALS:
                raise ConfigurationError(
                    f"the first {len(self._refused)} trials failed, the last one because: {self._refused[-1]}"
                )

    def _look_around(self) -> None:
        self.ledger.beat({number: training.trial for number, training in self._training.items()})
        if time.monotonic() - self._looked > _LOOK_AROUND:
            for number in self.ledger.take_up(list(self._training)):
                self.observer.cut_short(number, "the process that trained it has disappeared")
            self._looked = time.monotonic()

    def _others(self) -> bool:
        """Whether to wait for trials of other processes, which may be interrupted."""
        elsewhere = len(self.ledger.open_elsewhere(list(self._training)))
        if elsewhere and elsewhere != self._waits:
            self.observer.waiting(elsewhere)
        self._waits = elsewhere
        return elsewhere > 0

    def _start_next(self) -> bool:
        drawn = self.ledger.next()
        if drawn is None:
            return False
        trial, params = drawn
        run = self.request.out / str(trial.user_attrs[RUN])
        try:
            config = self.request.space.config(params)
            refuse_other_run(config, run, self.request.space.registry)
        except ConfigurationError as error:
            self._fail(trial, str(error))
            return True
        except RunFolderError:
            # The trial is not at fault: the study resumes it in another folder.
            self.ledger.cut_short(trial)
            raise
        self._training[trial.number] = _Training(trial, params)
        self.observer.started_trial(trial.number, params, run, again=RETRY_OF in trial.user_attrs)
        job = TrialJob(config, run, self.request.scores, self.request.samples)
        self._pool.start(trial.number, carry_out_trial, job)
        return True

    def _understand(self, event: JobEvent) -> None:
        number = int(str(event.key))
        training, data = self._training[number], event.data
        if event.kind == "told":
            self._hear(number, training, data)
            return
        del self._training[number]
        if event.kind == "done":
            self._done(number, training, data["result"])
        elif event.kind == "failed":
            self._fail(training.trial, data["message"], counts=not data["diverged"])
        elif self.ledger.cut_short(training.trial, killed=data["message"]):
            self._looked = -_LOOK_AROUND
            self.observer.cut_short(number, data["message"])
            self.ledger.take_up(list(self._training))
        else:
            self._progress()
            self.observer.failed_trial(number, data["message"])

    def _hear(self, number: int, training: _Training, data: Any) -> None:
        if data["event"] == "warning":
            self.observer.warned(number, data["message"])
        elif data["event"] == "review":
            training.step = data["step"]
            self.observer.reviewed_trial(number, data["step"], data["scores"])
            objective = self.request.objectives[0]
            if len(self.request.objectives) == 1 and objective.name in data["scores"]:
                training.trial.report(data["scores"][objective.name], data["step"])
                if training.trial.should_prune():
                    self._pool.say(number, "prune")

    def _done(self, number: int, training: _Training, result: Any) -> None:
        if result["pruned"]:
            self._refused.clear()
            self.ledger.prune(training.trial, result["figures"])
            self._progress()
            self.observer.pruned_trial(number, int(result["figures"]["steps"]))
        elif result["stopped"]:
            self.ledger.cut_short(training.trial)
            self.observer.cut_short(number, result["stopped"])
        elif (reason := self.ledger.complete(training.trial, result["figures"])) is not None:
            # Figures that are not finite come from diverged training: other values may do better.
            if any(item.name not in result["figures"] for item in self.request.objectives):
                self._refused.append(reason)
            self._progress()
            self.observer.failed_trial(number, reason)
        else:
            self._refused.clear()
            self._progress()
            self.observer.completed_trial(number, result["figures"])

    def _fail(self, trial: Trial, reason: str, *, counts: bool = True) -> None:
        if counts and not any(other.state.name in ("COMPLETE", "PRUNED") for other in self.ledger.trials()):
            self._refused.append(reason)
        self.ledger.fail(trial, reason)
        self._progress()
        self.observer.failed_trial(trial.number, reason)

    def _progress(self) -> None:
        ended = [trial for trial in self.ledger.trials() if trial.state.is_finished()]
        self.observer.progressed(len(ended))

    def _end(self, reason: str) -> None:
        """Makes the trials in training save their state."""
        self.observer.stopping(reason)
        for event in self._pool.stop():
            if event.kind == "killed":
                # It had nothing to save yet, or saves only between steps.
                training = self._training.pop(int(str(event.key)))
                self.ledger.cut_short(training.trial)
                continue
            self._understand(event)
        for training in self._training.values():
            self.ledger.cut_short(training.trial)
