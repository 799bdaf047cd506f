"""The checkpoint that is shared, while whoever trains the run may save the next and remove it."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from priorkit.engine.checkpoint_files import check_checkpoint
from priorkit.errors import RunFolderError
from priorkit.runs.folder import RunFolder, explained_os_errors

__all__ = ["share_checkpoint"]

T = TypeVar("T")


def share_checkpoint(folder: RunFolder, checkpoint: str, share: Callable[[Path], T], *, state: bool = False) -> T:
    """Shares an undamaged checkpoint; where it is removed meanwhile, the one that has taken its name.

    Args:
        folder: The run.
        checkpoint: `last`, `best`, or the name of a checkpoint's folder.
        share: Called with the checkpoint's folder; again with the next one, if the folder has gone when it fails.
        state: Whether the state of the training is shared, too, so that damage to it matters.

    Returns:
        What `share` returns.

    Raises:
        RunFolderError: There is no such checkpoint, or it is damaged, or it cannot be shared.
    """
    while True:
        found = _find(folder, checkpoint, state=state)
        try:
            with explained_os_errors("read the run", None):
                return share(found)
        except RunFolderError:
            # Whoever trains the run has saved the next checkpoint, and removed this one.
            if found.is_dir():
                raise


def _find(folder: RunFolder, checkpoint: str, *, state: bool) -> Path:
    named = folder.checkpoints.folder / checkpoint
    if checkpoint.startswith("step-") and named.is_dir():
        # No other takes its place: this one was asked for.
        check_checkpoint(named, state=state)
        return named
    return folder.find_checkpoint(checkpoint, state=state)
