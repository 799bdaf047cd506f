"""A summary of a run, read from its folder."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from priorkit.evaluation.unbiased import UNBIASED
from priorkit.runs import RunFolder, read_evaluations, read_metrics, read_position
from priorkit.studies.sampling_time import SamplingTime, read_sampling_time
from priorkit.studies.study import SAMPLE_SCORES

__all__ = ["DIVERGED", "RunSummary", "summarise_run"]

DIVERGED = "diverged.txt"
"""The file in the folder of a study's run with the reason why the run was given up."""
_HELD_OUT = "held_out/"


@dataclass(frozen=True)
class RunSummary:
    """A summary of a run.

    Attributes:
        path: The run folder.
        state: `complete`; `stopped`, before its limit; or `diverged`.
        dataset: The data set's name.
        prior: The prior's name.
        regularizer: The regularizer's name.
        loss: The reconstruction loss's name.
        seed: The run's seed.
        steps: Number of steps at the last checkpoint.
        images: Number of images seen at the last checkpoint.
        seconds: Training time at the last measurement, in seconds.
        held_out: The last held-out scores in the run's metrics, by name.
        evaluated: The newest scores of the last checkpoint in `scores.json`, as `priorkit evaluate` writes them, each
            with the `settings` of its evaluation.
        unscored: The reasons why requested scores of samples are missing.
        sampling: The time that the prior takes to draw codes, if it has been measured.
    """

    path: Path
    state: str
    dataset: str
    prior: str
    regularizer: str
    loss: str
    seed: int
    steps: int
    images: int
    seconds: float
    held_out: dict[str, float]
    evaluated: list[dict[str, Any]] = field(default_factory=list)
    unscored: tuple[str, ...] = ()
    sampling: SamplingTime | None = None

    @property
    def scores(self) -> dict[str, float]:
        """All scores by their labels, evaluated scores before held-out ones."""
        found = {item["label"]: float(item["value"]) for item in self.evaluated}
        return {**found, **{f"held-out {name.replace('_', ' ')}": value for name, value in self.held_out.items()}}

    @property
    def below_zero(self) -> list[str]:
        """The labels of unbiased estimates with negative values."""
        found = [item["label"] for item in self.evaluated if item["name"] in UNBIASED and item["value"] < 0]
        reviewed = [name for name, value in self.held_out.items() if name in UNBIASED and value < 0]
        return [*found, *(f"held-out {name.replace('_', ' ')}" for name in reviewed)]

    def as_data(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "run": str(self.path),
            "state": self.state,
            "dataset": self.dataset,
            "prior": self.prior,
            "regularizer": self.regularizer,
            "loss": self.loss,
            "seed": self.seed,
            "steps": self.steps,
            "images": self.images,
            "seconds": self.seconds,
            "held_out": self.held_out,
            "scores": self.evaluated,
            "unscored": list(self.unscored),
            "sampling": self.sampling.as_data() if self.sampling is not None else None,
        }


def summarise_run(path: Path, evaluations: Iterable[Mapping[str, Any]] | None = None) -> RunSummary:
    """Reads the summary of a run from its folder.

    Args:
        path: The run folder.
        evaluations: The evaluations to use, the newest last; if None, those of the last checkpoint.

    Raises:
        RunFolderError: The folder is not a run, or one of its files is damaged.
    """
    folder = RunFolder.open(path)
    config, rows = folder.read_config(), read_metrics(folder)
    position = read_position(folder)
    reviews = [row for row in rows if any(name.startswith(_HELD_OUT) for name in row)]
    held_out = reviews[-1] if reviews else {}
    diverged = (path / DIVERGED).exists()
    counted = list(_of_last_checkpoint(folder) if evaluations is None else evaluations)
    return RunSummary(
        path=path,
        state="diverged" if diverged else "complete" if position.complete else "stopped",
        dataset=config.dataset.name,
        prior=config.prior.name,
        regularizer=config.regularizer.name,
        loss=config.loss.name,
        seed=config.seed,
        steps=position.steps,
        images=position.images,
        seconds=float(rows[-1]["seconds"]) if rows else 0.0,
        held_out={
            name.removeprefix(_HELD_OUT): value for name, value in held_out.items() if name.startswith(_HELD_OUT)
        },
        evaluated=_newest(counted),
        unscored=_reasons(counted),
        sampling=read_sampling_time(path),
    )


def _of_last_checkpoint(folder: RunFolder) -> list[dict[str, Any]]:
    if not folder.checkpoints.has("last"):
        return []
    last = folder.checkpoints.path("last").name
    return [evaluation for evaluation in read_evaluations(folder.scores) if evaluation.get("checkpoint") == last]


def _reasons(evaluations: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    """The reason why the newest evaluation lacks the first of `SAMPLE_SCORES`, if it was requested."""
    wanted = [
        item for evaluation in evaluations[-1:] for item in evaluation["scores"] if item["name"] == SAMPLE_SCORES[0]
    ]
    return tuple(item["note"] for item in wanted if item["value"] is None)


def _newest(evaluations: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The newest score of each label."""
    found = {}
    for evaluation in evaluations:
        about = {"settings": evaluation.get("settings")}
        found.update({item["label"]: {**item, **about} for item in evaluation["scores"] if item["value"] is not None})
    return list(found.values())
