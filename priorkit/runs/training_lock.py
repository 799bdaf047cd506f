"""A lock that keeps two processes from training one run."""

import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from priorkit.errors import RunFolderError
from priorkit.runs.folder import explained_os_errors

__all__ = ["training_lock"]

_PATIENCE = 1.0
"""Seconds that a lock may be held by what is left of a training that was killed: its reading processes end after it."""
_KNOWS_SOFT_LOCKS = "fallback_to_soft" in inspect.signature(FileLock.__init__).parameters
"""Whether this version of filelock may take another kind of lock where the file system has none."""


@contextmanager
def training_lock(path: Path) -> Iterator[None]:
    """Inside this context no other process trains the run in a folder.

    The operating system holds the lock on the file `.lock` and frees it when the process ends, however it ends. On file
    systems without locks, nothing is locked.

    Raises:
        RunFolderError: Another process trains this run.
    """
    file = path / ".lock"
    with explained_os_errors("lock the run"):
        # A file that cannot be made is told apart from one that somebody holds.
        file.touch()
    # A file that only marks the run as taken would outlive a process that is killed.
    lock = FileLock(file, fallback_to_soft=False) if _KNOWS_SOFT_LOCKS else FileLock(file)
    try:
        lock.acquire(timeout=_PATIENCE)
    except Timeout:
        raise RunFolderError(
            f"another process is training the run {str(path)!r}: wait until it is done, or stop it"
        ) from None
    except (NotImplementedError, OSError):
        pass  # a file system without locks: better unlocked than not at all
    try:
        yield
    finally:
        lock.release()
