"""Run folders that are removed or renamed during their training."""

import functools
import importlib.util
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from random import Random

from runs import TRAIN
from trial import Trial

from children import Ended, Running

__all__ = ["TRIALS"]

_LONG = (*TRAIN, "--steps", "100000", "--log-every", "1")
_PATIENCE = 20.0
"""Seconds within which a training must notice that its folder is gone."""


def _with_tensorboard() -> None:
    """Makes TensorBoard write all the time, instead of every two minutes."""
    from torch.utils import tensorboard

    writer = tensorboard.SummaryWriter
    tensorboard.SummaryWriter = functools.partial(writer, flush_secs=0)


def _without_tensorboard() -> None:
    sys.modules["torch.utils.tensorboard"] = None  # type: ignore[assignment]


def _take_away(path: Path, random: Random) -> str:
    if random.random() < 0.5:
        path.rename(path.with_name(f"{path.name}-renamed"))
        return "renamed"
    while path.exists():
        # Files that the training makes meanwhile are removed, too.
        shutil.rmtree(path, ignore_errors=True)
    return "removed"


def _fault(ended: Ended, path: Path) -> str | None:
    if ended.status == 0:
        return "the training ended with success"
    failure = ended.fault(may=(2,), naming=repr(str(path)))
    return failure or ("the run folder was made again" if path.exists() else None)


def folder_removed(folder: Path, random: Random, trials: int) -> Iterator[str | None]:
    """Removes or renames the run folder at a random moment of the training."""
    tracked = importlib.util.find_spec("tensorboard") is not None
    for number in range(trials):
        path = folder / f"run-{number}"
        with_tensorboard = tracked and number % 2 == 0
        running = Running([*_LONG, "--out", str(path)], _with_tensorboard if with_tensorboard else _without_tensorboard)
        while not path.exists() and running.seconds < _PATIENCE:
            running.wait(running.seconds + 0.01)
        running.wait(running.seconds + random.uniform(0, 1))
        how = _take_away(path, random)
        failure = _fault(running.ended(within=running.seconds + _PATIENCE), path)
        yield failure and f"{how}{', with TensorBoard' if with_tensorboard else ''}: {failure}"
        for left in folder.glob(f"{path.name}*"):
            shutil.rmtree(left, ignore_errors=True)


TRIALS = (
    Trial(
        "folder-removed",
        "the run folder is removed or renamed during training: one line names it, and it is not made again",
        2,
        40,
        folder_removed,
    ),
)
