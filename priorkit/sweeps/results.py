"""The results of a sweep."""

from __future__ import annotations

import csv
import io
import json
import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from priorkit.config import format_duration
from priorkit.studies.documents import write_document
from priorkit.sweeps.ledger import Ledger
from priorkit.sweeps.objectives import Objective, pareto_front
from priorkit.sweeps.request import SweepRequest
from priorkit.sweeps.trials import SweptTrial, swept_trial

if TYPE_CHECKING:
    import optuna
    from optuna.trial import FrozenTrial

__all__ = ["Sweep", "gather_sweep", "write_tables"]


@dataclass(frozen=True)
class Sweep:
    """A sweep and its trials.

    Attributes:
        folder: The sweep's folder, which contains the trials' run folders.
        objectives: The objectives.
        trials: All trials, ordered by number; for a resumed trial, the last attempt.
        importance: For each objective, the share of its variation that each option explains, if it can be estimated.
        stopped: The reason for stopping before the end (`interrupted`, `terminated`), or None.

    Examples:
        >>> from pathlib import Path
        >>> from priorkit.sweeps import Sweep, SweptTrial, parse_objectives
        >>> trials = [SweptTrial(n, "complete", {"batch_size": str(n)}, (1.0 / n,), {}, Path("x")) for n in (1, 2)]
        >>> sweep = Sweep(Path("sweeps/mine"), parse_objectives("sample_distance"), tuple(trials))
        >>> sweep.best.params
        {'batch_size': '2'}
    """

    folder: Path
    objectives: tuple[Objective, ...]
    trials: tuple[SweptTrial, ...]
    importance: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    stopped: str | None = None

    @property
    def complete(self) -> list[SweptTrial]:
        """The complete trials, ordered by the first objective, the best first."""
        sign = 1 if self.objectives[0].direction == "minimize" else -1
        done = [trial for trial in self.trials if trial.state == "complete"]
        return sorted(done, key=lambda trial: (sign * trial.values[0], trial.number))

    @property
    def best(self) -> SweptTrial | None:
        """The best trial by the first objective; None if none is complete."""
        return next(iter(self.complete), None)

    @property
    def front(self) -> list[SweptTrial]:
        """The Pareto-optimal trials: with one objective, the best trial."""
        return pareto_front([(trial, trial.values) for trial in self.complete], self.objectives)

    def to_dicts(self) -> list[dict[str, Any]]:
        """The trials as dictionaries of plain values: number, state, and every option and figure by name."""
        return [
            {
                "number": trial.number,
                "state": trial.state,
                **trial.params,
                **trial.figures,
                "run": str(trial.run),
                "place": trial.place,
                "reason": trial.reason,
            }
            for trial in self.trials
        ]

    def as_data(self) -> dict[str, Any]:
        """Plain values for JSON."""
        best = self.best
        return {
            "folder": str(self.folder),
            "objectives": [{"name": item.name, "direction": item.direction} for item in self.objectives],
            "stopped": self.stopped,
            "best": best.number if best is not None else None,
            "front": [trial.number for trial in self.front],
            "importance": {name: dict(shares) for name, shares in self.importance.items()},
            "trials": [trial.as_data() for trial in self.trials],
        }

    @property
    def options(self) -> list[str]:
        """The options that were varied, by name."""
        return list(dict.fromkeys(name for trial in self.trials for name in trial.params))

    def cells(self, trials: Sequence[SweptTrial]) -> tuple[list[str], list[list[str]]]:
        """A table of trials as text: the header and the rows."""
        names = [item.name for item in self.objectives]
        costs = [] if "seconds" in names else ["training time"]
        header = ["trial", *names, *(name.replace("_", "-") for name in self.options), *costs, "run"]
        rows = [
            [
                str(trial.number),
                *(f"{trial.figures[name]:.4g}" if name in trial.figures else "" for name in names),
                *(trial.params.get(name, "") for name in self.options),
                *(
                    format_duration(trial.figures["seconds"]) if "seconds" in trial.finite_figures else ""
                    for _ in costs
                ),
                str(trial.run),
            ]
            for trial in trials
        ]
        return header, rows


def gather_sweep(study: optuna.Study, request: SweepRequest, stopped: str | None = None) -> Sweep:
    """Reads the results of a sweep from its study."""
    trials = tuple(swept_trial(trial, request.out) for trial in Ledger(study, request).trials())
    return Sweep(request.out, request.objectives, trials, _importance(study, request), stopped)


def _importance(study: optuna.Study, request: SweepRequest) -> dict[str, dict[str, float]]:
    import optuna

    found = {}
    for index, objective in enumerate(request.objectives):
        try:
            with warnings.catch_warnings():
                # The message assumes that low values are better, which the conversion ensures.
                warnings.simplefilter("ignore", UserWarning)
                value = partial(_to_be_low, index, objective)
                shares = optuna.importance.get_param_importances(study, target=value)
        except (ValueError, RuntimeError, ZeroDivisionError):
            # Too few trials, or all of them alike.
            continue
        shares = {name: float(share) for name, share in shares.items() if math.isfinite(share)}
        if len(shares) > 1:
            found[objective.name] = shares
    return found


def _to_be_low(index: int, objective: Objective, trial: FrozenTrial) -> float:
    """A trial's value of an objective, negated if it is maximised, so that less is better."""
    if not trial.values:
        return math.nan
    value = float(trial.values[index])
    return value if objective.direction == "minimize" else -value


def write_tables(sweep: Sweep) -> None:
    """Writes `sweep.json` and `sweep.csv` into a sweep's folder.

    Raises:
        RunFolderError: The folder cannot be written.

    Examples:
        >>> from pathlib import Path
        >>> from priorkit.sweeps import Sweep, SweptTrial, parse_objectives, write_tables
        >>> trial = SweptTrial(0, "complete", {"batch_size": "64"}, (0.8,), {"sample_distance": 0.8}, Path("trial-0"))
        >>> write_tables(Sweep(Path(), parse_objectives("sample_distance"), (trial,)))
        >>> Path("sweep.csv").read_text(encoding="utf-8").splitlines()[0]
        'number,state,batch_size,sample_distance,run,place,reason'
    """
    write_document(sweep.folder / "sweep.json", json.dumps(sweep.as_data(), indent=2, allow_nan=False) + "\n")
    rows = sweep.to_dicts()
    text = io.StringIO()
    writer = csv.DictWriter(text, list(dict.fromkeys(key for row in rows for key in row)), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_document(sweep.folder / "sweep.csv", text.getvalue())
