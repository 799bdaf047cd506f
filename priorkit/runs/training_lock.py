"""A lock that keeps two processes from training one run."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from filelock import Timeout

from priorkit.errors import RunFolderError
from priorkit.runs.file_lock import file_lock, is_locked
from priorkit.runs.folder import explained_os_errors

__all__ = ["is_training", "training_lock"]

_LOCK = ".lock"
_PATIENCE = 1.0
"""Seconds to wait for the reading processes of a killed training, which end after it and hold its lock."""


@contextmanager
def training_lock(path: Path) -> Iterator[None]:
    """Inside this context no other process trains the run in a folder, whose file `.lock` is locked.

    Raises:
        RunFolderError: Another process trains this run, or the file cannot be made.
    """
    with ExitStack() as held:
        with explained_os_errors("lock the run"):
            try:
                held.enter_context(file_lock(path / _LOCK, _PATIENCE))
            except Timeout:
                raise RunFolderError(
                    f"another process is training the run {str(path)!r}: wait until it is done, or stop it"
                ) from None
        yield


def is_training(path: Path) -> bool:
    """Whether a process is training the run in a folder; changes nothing."""
    return is_locked(path / _LOCK)
