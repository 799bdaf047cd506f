"""How far a run has come, without loading it."""

from dataclasses import dataclass

from priorkit.runs.folder import RunFolder
from priorkit.runs.metrics_file import read_metrics
from priorkit.training import images_seen, last_step

__all__ = ["Position", "read_position"]

_ROUNDING = 0.001
"""Seconds by which a time in `metrics.jsonl` may be less than it was."""


@dataclass(frozen=True)
class Position:
    """How far a run has come.

    Attributes:
        steps: Steps of the last checkpoint.
        images: Images seen by then.
        complete: Whether it has reached its limit and was reviewed there, so that there is nothing left to resume.
    """

    steps: int
    images: int
    complete: bool


def read_position(folder: RunFolder) -> Position:
    """Finds out how far a run has come.

    Raises:
        RunFolderError: A file of the run is damaged.
    """
    if not folder.checkpoints.has("last"):
        return Position(0, 0, complete=False)
    config, steps = folder.read_config(), folder.checkpoints.step("last")
    reviews = [
        row
        for row in read_metrics(folder)
        if row["step"] == steps and any(name.startswith("held_out/") for name in row)
    ]
    seconds = reviews[-1]["seconds"] + _ROUNDING if reviews else 0.0
    ends = last_step(config, int(folder.read_environment()["data"]["train"]))
    over = (config.max_time is not None and seconds >= config.max_time) or (ends is not None and steps >= ends)
    images = int(reviews[-1]["images"]) if reviews else images_seen(config, steps)
    return Position(steps, images, complete=bool(reviews) and over)
