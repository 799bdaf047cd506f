"""What a run folder says of its run, in a few values."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from priorkit.errors import RunFolderError
from priorkit.runs import RunFolder, read_metrics, read_position

__all__ = ["DIVERGED", "RunSummary", "summarise_run"]

DIVERGED = "diverged.txt"
"""In the folder of a study's run: why it was given up."""
_HELD_OUT = "held_out/"


@dataclass(frozen=True)
class RunSummary:
    """A run in a few values.

    Attributes:
        path: Its folder.
        state: `complete`, `stopped` before its limit, or `diverged`.
        dataset: The data set's name.
        prior: The prior's name.
        regularizer: The regularizer's name.
        loss: The reconstruction loss's name.
        seed: The run's seed.
        steps: Steps of the last checkpoint.
        images: Images seen by then.
        seconds: Training time at the last measurement.
        held_out: The last held-out scores of its metrics, by name.
        evaluated: The scores in its `scores.json`, as `priorkit evaluate` writes them.
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

    @property
    def scores(self) -> dict[str, float]:
        """All scores by their labels, those of samples first."""
        found = {item["label"]: float(item["value"]) for item in self.evaluated}
        return {**found, **{f"held-out {name.replace('_', ' ')}": value for name, value in self.held_out.items()}}

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
        }


def summarise_run(path: Path) -> RunSummary:
    """Reads a run folder.

    Raises:
        RunFolderError: It is no run, or a file of it is damaged.
    """
    folder = RunFolder.open(path)
    config, rows = folder.read_config(), read_metrics(folder)
    position = read_position(folder)
    reviews = [row for row in rows if any(name.startswith(_HELD_OUT) for name in row)]
    held_out = reviews[-1] if reviews else {}
    diverged = (path / DIVERGED).exists()
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
        evaluated=_read_scores(path / "scores.json"),
    )


def _read_scores(path: Path) -> list[dict[str, Any]]:
    """The scores in a file of `priorkit evaluate`, the newest of each label; none where there is no such file."""
    found: dict[str, dict[str, Any]] = {}
    try:
        for evaluation in json.loads(path.read_text(encoding="utf-8"))["evaluations"]:
            found.update({str(item["label"]): item for item in evaluation["scores"] if item["value"] is not None})
    except FileNotFoundError:
        return []
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise RunFolderError(
            f"{str(path)!r} holds no scores of priorkit ({type(error).__name__}: {error}); move it away"
        ) from None
    return list(found.values())
