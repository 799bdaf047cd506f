"""The ledger of trials: draws trials, reassigns those of dead processes, and records results."""

from __future__ import annotations

import contextlib
import math
import os
import socket
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from priorkit.sweeps.request import SweepRequest
from priorkit.sweeps.search import SearchedOption
from priorkit.sweeps.trials import ATTEMPT, FIGURES, PLACE, REASON, RETRY_OF, RUN, SURPLUS, counted, run_name

if TYPE_CHECKING:
    import optuna
    from optuna.trial import FrozenTrial, Trial

__all__ = ["Ledger"]

_BEAT = "beat"
_BEAT_SECONDS = 15.0
"""Interval at which a process reports that it is alive."""
_GRACE_SECONDS = 90.0
"""Time without a report after which a process counts as dead."""
_CAN_ASK = os.name != "nt"
"""Whether a process can be probed by signal 0. On Windows, signal 0 is Ctrl-C and ends it."""
_MOST_KILLED = 3
"""Number of kills after which a trial is given up: it may need too much memory."""


class Ledger:
    """The trials of a study, for one of the processes that work on it.

    Args:
        study: The study.
        request: The sweep.
    """

    def __init__(self, study: optuna.Study, request: SweepRequest) -> None:
        self.study = study
        self.request = request
        self._place = {"machine": socket.gethostname(), "system": _system(), "process": os.getpid()}
        self._beats: dict[int, tuple[Any, float]] = {}
        self._beaten = time.monotonic()
        study.pruner, study.sampler = _pruner(request), _sampler(request, 0)

    def trials(self) -> list[FrozenTrial]:
        """Every trial that counts."""
        return counted(self.study.get_trials(deepcopy=False))

    def next(self) -> tuple[Trial, dict[str, str]] | None:
        """The next trial of this process, with its values; None if there is none now."""
        while True:
            trials = self.trials()
            waits = any(trial.state.name == "WAITING" for trial in trials)
            if len(trials) >= self.request.trials and not waits:
                return None
            trial = self.study.ask()
            if not self._is_surplus(trial):
                break
            trial.set_user_attr(SURPLUS, True)
            self._fail(trial.number)
        trial.set_user_attr(PLACE, self._place)
        if RUN not in trial.user_attrs:
            trial.set_user_attr(RUN, run_name(trial.number))
        # Seeded by the trial's number: the same when repeated, and different on other machines.
        self.study.sampler = _sampler(self.request, trial.number)
        values = self.request.space.draw(lambda option: _suggest(trial, option))
        return trial, values

    def open_elsewhere(self, mine: Sequence[int]) -> list[int]:
        """The numbers of the trials that other processes train."""
        return [trial.number for trial in self.trials() if trial.state.name == "RUNNING" and trial.number not in mine]

    def beat(self, running: Mapping[int, Trial]) -> None:
        """Reports at intervals that this process is alive."""
        if time.monotonic() - self._beaten > _BEAT_SECONDS:
            self._beaten = time.monotonic()
            for trial in running.values():
                trial.set_user_attr(_BEAT, time.time())

    def take_up(self, mine: Sequence[int]) -> list[int]:
        """Queues interrupted trials to be resumed, including those of dead processes.

        Returns:
            The numbers of the interrupted trials.
        """
        for trial in self.trials():
            if trial.state.name == "RUNNING" and trial.number not in mine and self._has_gone(trial):
                self._fail(trial.number)
        cut = [trial for trial in self.trials() if trial.state.name == "FAIL" and REASON not in trial.user_attrs]
        for trial in cut:
            attributes = {key: value for key, value in trial.user_attrs.items() if key in (RUN, ATTEMPT)}
            attributes.setdefault(RUN, run_name(trial.number))
            self.study.enqueue_trial(_values(trial), {**attributes, RETRY_OF: trial.number})
        return [trial.number for trial in cut]

    def complete(self, trial: Trial, figures: Mapping[str, float]) -> str | None:
        """Records the end of a trial; returns a reason if it failed nonetheless, or None."""
        trial.set_user_attr(FIGURES, dict(figures))
        missing = [item.name for item in self.request.objectives if item.name not in figures]
        if missing:
            reason = f"its run has no {missing[0]}"
            self.fail(trial, reason)
            return reason
        # With such a value, Optuna would fail the trial without a reason, as if it was interrupted.
        unusable = [item.name for item in self.request.objectives if not math.isfinite(figures[item.name])]
        if unusable:
            reason = f"its {unusable[0]} is not a finite number"
            self.fail(trial, reason)
            return reason
        self._tell(trial.number, values=[figures[item.name] for item in self.request.objectives])
        return None

    def prune(self, trial: Trial, figures: Mapping[str, float]) -> None:
        """Records that a trial was pruned, because it did worse than others."""
        trial.set_user_attr(FIGURES, dict(figures))
        self._tell(trial.number, state="PRUNED")

    def fail(self, trial: Trial, reason: str) -> None:
        """Records the final failure of a trial."""
        trial.set_user_attr(REASON, reason)
        self._fail(trial.number)

    def cut_short(self, trial: Trial, killed: str = "") -> bool:
        """Records that a trial was stopped or killed; returns whether it will be resumed."""
        if killed:
            times = int(trial.user_attrs.get(ATTEMPT, 0)) + 1
            trial.set_user_attr(ATTEMPT, times)
            if times >= _MOST_KILLED:
                self.fail(trial, f"{killed}, {times} times")
                return False
        self._fail(trial.number)
        return True

    def _fail(self, number: int) -> None:
        self._tell(number, state="FAIL")

    def _tell(self, number: int, *, values: list[float] | None = None, state: str | None = None) -> None:
        import optuna

        try:
            self.study.tell(number, values, optuna.trial.TrialState[state] if state else None)
        except (ValueError, optuna.exceptions.UpdateFinishedTrialError):
            # Another process took this one for dead, and has recorded the trial.
            return

    def _is_surplus(self, trial: Trial) -> bool:
        """Whether there are enough trials without this one, or another trial resumes the same run."""
        before = [other for other in self.trials() if other.number < trial.number]
        retry_of = trial.user_attrs.get(RETRY_OF)
        twice = retry_of is not None and any(
            other.user_attrs.get(RETRY_OF) == retry_of and other.number < trial.number
            for other in self.study.get_trials(deepcopy=False)
            if SURPLUS not in other.user_attrs
        )
        return twice or (retry_of is None and len(before) >= self.request.trials)

    def _has_gone(self, trial: FrozenTrial) -> bool:
        place = trial.user_attrs.get(PLACE)
        if place is not None and place["system"] == self._place["system"]:
            process = int(place["process"])
            if _CAN_ASK or process == os.getpid():
                return not _is_alive(process)
        # Clocks of machines differ, so the time without an observed change counts.
        beat = trial.user_attrs.get(_BEAT)
        before, since = self._beats.get(trial.number, (None, 0.0))
        if trial.number not in self._beats or beat != before:
            self._beats[trial.number] = (beat, time.monotonic())
            return False
        return time.monotonic() - since > _GRACE_SECONDS


def _values(trial: FrozenTrial) -> dict[str, Any]:
    """The values of a trial, drawn or enqueued."""
    return {**trial.system_attrs.get("fixed_params", {}), **trial.params}


def _system() -> str:
    """Identifies the system of this process's id: a machine since its boot, or a container."""
    parts = [socket.gethostname()]
    # Without such a file, on other systems than Linux, the host name must suffice.
    with contextlib.suppress(OSError):
        parts.append(Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip())
        parts.append(str(Path("/proc/self/ns/pid").readlink()))
    return " ".join(parts)


def _is_alive(process: int) -> bool:
    if process == os.getpid():
        # An earlier process had this id: the caller names its own trials.
        return False
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return not _is_zombie(process)


def _is_zombie(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (OSError, IndexError):
        return False


def _suggest(trial: Trial, option: SearchedOption) -> str:
    if option.choices:
        return str(trial.suggest_categorical(option.name, option.choices))
    if option.whole:
        return str(trial.suggest_int(option.name, int(option.low), int(option.high), log=option.log))
    return repr(trial.suggest_float(option.name, option.low, option.high, log=option.log))


def _sampler(request: SweepRequest, number: int) -> optuna.samplers.BaseSampler:
    import optuna

    seed = (request.seed * 1_000_003 + number) % 2**32
    return optuna.samplers.TPESampler(
        seed=seed, multivariate=False, constant_liar=True, n_startup_trials=min(10, request.trials // 3 + 1)
    )


def _pruner(request: SweepRequest) -> optuna.pruners.BasePruner:
    import optuna

    if not request.prunes:
        return optuna.pruners.NopPruner()
    if request.pruner == "hyperband":
        return optuna.pruners.HyperbandPruner()
    return optuna.pruners.MedianPruner(n_startup_trials=4)
