"""Shares a checkpoint of a run that may be in training, so that the next checkpoint may replace it meanwhile."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from priorkit.engine.checkpoint_files import check_checkpoint
from priorkit.errors import RunFolderError
from priorkit.runs.folder import RunFolder, explained_os_errors

__all__ = ["share_checkpoint"]

T = TypeVar("T")


def share_checkpoint(folder: RunFolder, checkpoint: str, share: Callable[[Path], T], *, state: bool = False) -> T:
    """Shares an undamaged checkpoint; if it is removed meanwhile, shares the one that has taken its name.

    Args:
        folder: The run.
        checkpoint: `last`, `best`, or the name of a checkpoint's folder.
        share: Function of the checkpoint's folder. If it fails and the folder has been removed, it is called again with
            the next checkpoint's folder.
        state: Whether the state of the training is shared, too, and must be undamaged.

    Returns:
        What `share` returns.

    Raises:
        RunFolderError: There is no such checkpoint, the checkpoint is damaged, or sharing it failed.
    """
    while True:
        found = _find(folder, checkpoint, state=state)
        try:
            with explained_os_errors("read the run", None):
                return share(found)
        except RunFolderError:
            # The training has saved the next checkpoint and removed this one.
            if found.is_dir():
                raise


def _find(folder: RunFolder, checkpoint: str, *, state: bool) -> Path:
    named = folder.checkpoints.folder / checkpoint
    if checkpoint.startswith("step-") and named.is_dir():
        # The user named this checkpoint, so another cannot replace it.
        check_checkpoint(named, state=state)
        return named
    return folder.find_checkpoint(checkpoint, state=state)
