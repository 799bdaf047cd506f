"""The trials of a sweep, for output."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

__all__ = [
    "ATTEMPT",
    "FIGURES",
    "PLACE",
    "REASON",
    "RETRY_OF",
    "RUN",
    "SURPLUS",
    "SweptTrial",
    "counted",
    "swept_trial",
]

# Attributes of trials in the database.
RUN = "run"
"""Name of the run folder."""
FIGURES = "figures"
"""The run's figures, by name."""
REASON = "reason"
"""The reason of a trial's final failure. A trial that failed without a reason was interrupted, and will be resumed."""
RETRY_OF = "retry_of"
"""The number of the trial that this trial resumes."""
ATTEMPT = "attempt"
"""Number of times that a trial's process has been killed."""
SURPLUS = "surplus"
"""Marks a trial that was drawn although another process had drawn the last one."""
PLACE = "place"
"""The machine and the process that train a trial."""


@dataclass(frozen=True)
class SweptTrial:
    """A trial of a sweep.

    Attributes:
        number: The trial's number in the study.
        state: `complete`; `pruned`, if it did worse than others; `failed`; `running`; `waiting` to be resumed.
        params: The values of the varied options, as text, by name.
        values: The values of the objectives, of a complete trial.
        figures: All figures of the run, by name.
        run: The path of the run folder, below this machine's folder of the sweep; the folder itself is on the machine
            that trained the trial.
        place: The machine that trained the trial.
        reason: The reason why the trial failed or waits; otherwise empty.
        steps: The step of the last review; None without reviews.
        reviews: The objective's value at each review, by step.

    Examples:
        >>> from pathlib import Path
        >>> from priorkit.sweeps import SweptTrial
        >>> figures = {"sample_distance": 0.8, "psnr": float("inf")}
        >>> trial = SweptTrial(0, "complete", {"batch_size": "64"}, (0.8,), figures, Path("sweeps/sizes/trial-0000"))
        >>> trial.finite_figures
        {'sample_distance': 0.8}
    """

    number: int
    state: str
    params: Mapping[str, str]
    values: tuple[float, ...]
    figures: Mapping[str, float]
    run: Path
    place: str = ""
    reason: str = ""
    steps: int | None = None
    reviews: Mapping[int, float] = field(default_factory=dict)

    @property
    def finite_figures(self) -> dict[str, float]:
        """The figures that are finite numbers, by name."""
        return {name: value for name, value in self.figures.items() if math.isfinite(value)}

    def as_data(self) -> dict[str, Any]:
        """Plain values for JSON, in which figures that are not finite are None."""
        return {
            "number": self.number,
            "state": self.state,
            "params": dict(self.params),
            "figures": {name: self.finite_figures.get(name) for name in self.figures},
            "run": str(self.run),
            "place": self.place,
            "reason": self.reason,
            "steps": self.steps,
        }


def counted(trials: Iterable[FrozenTrial]) -> list[FrozenTrial]:
    """The trials that count: trials that no other trial resumes, without surplus trials (`SURPLUS`)."""
    trials = list(trials)
    gone_on_with = {
        trial.user_attrs[RETRY_OF]
        for trial in trials
        if RETRY_OF in trial.user_attrs and SURPLUS not in trial.user_attrs
    }
    return [trial for trial in trials if trial.number not in gone_on_with and SURPLUS not in trial.user_attrs]


def run_name(number: int) -> str:
    """The name of the run folder of a trial that does not resume another."""
    return f"trial-{number:04d}"


def swept_trial(trial: FrozenTrial, folder: Path) -> SweptTrial:
    """Converts a trial of the database."""
    attributes = trial.user_attrs
    state = {"COMPLETE": "complete", "PRUNED": "pruned", "FAIL": "failed", "RUNNING": "running"}
    name = state.get(trial.state.name, "waiting")
    reason = str(attributes.get(REASON, ""))
    if name == "failed" and not reason:
        name, reason = "waiting", "it was cut short"
    params = dict(trial.params) or dict(trial.system_attrs.get("fixed_params", {}))
    return SweptTrial(
        number=trial.number,
        state=name,
        params={key: f"{value:.6g}" if isinstance(value, float) else str(value) for key, value in params.items()},
        values=tuple(trial.values or ()) if name == "complete" else (),
        figures=dict(attributes.get(FIGURES, {})),
        run=folder / attributes.get(RUN, run_name(trial.number)),
        place=str(attributes.get(PLACE, {}).get("machine", "")),
        reason=reason,
        steps=trial.last_step,
        reviews=dict(trial.intermediate_values),
    )
