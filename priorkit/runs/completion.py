"""The progress of a run, read without loading it."""

from dataclasses import dataclass

from priorkit.runs.folder import RunFolder
from priorkit.runs.metrics_file import read_metrics
from priorkit.training import images_seen, last_step

__all__ = ["Position", "read_position"]

_ROUNDING = 0.001
"""Tolerance in seconds for times in `metrics.jsonl`, which are rounded."""


@dataclass(frozen=True)
class Position:
    """The progress of a run.

    Attributes:
        steps: Number of steps at the last checkpoint.
        images: Number of training images seen by then.
        complete: Whether the run has reached its limit and its final review, so that there is nothing to resume.

    Examples:
        >>> from pathlib import Path
        >>> from priorkit.runs import RunFolder, read_position
        >>> position = read_position(RunFolder.open(Path("runs/first")))
        >>> position.steps, position.images, position.complete
        (2, 16, True)
    """

    steps: int
    images: int
    complete: bool


def read_position(folder: RunFolder) -> Position:
    """Reads the progress of a run.

    Raises:
        RunFolderError: A file of the run is damaged.

    Examples:
        >>> from pathlib import Path
        >>> from priorkit.runs import RunFolder, read_position
        >>> read_position(RunFolder.open(Path("runs/first")))
        Position(steps=2, images=16, complete=True)
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
