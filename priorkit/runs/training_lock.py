"""A lock that keeps two processes from training one run."""

import errno
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from priorkit.errors import RunFolderError
from priorkit.runs.folder import explained_os_errors

__all__ = ["training_lock"]

_PATIENCE = 1.0
"""Seconds that a lock may be held by what is left of a training that was killed: its reading processes end after it."""
_PAUSE = 0.05


@contextmanager
def training_lock(path: Path) -> Iterator[None]:
    """Inside this context no other process trains the run in a folder.

    The operating system holds the lock on an open file `.lock` and frees it when the process ends, however it ends; the
    file stays, because removing it could give two processes a lock each. On Windows, and on file systems without locks,
    nothing is locked.

    Raises:
        RunFolderError: Another process trains this run.
    """
    if sys.platform == "win32":
        yield
        return
    import fcntl

    with explained_os_errors("lock the run"):
        file = (path / ".lock").open("ab")
    with file:
        began = time.monotonic()
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
                    if time.monotonic() - began < _PATIENCE:
                        time.sleep(_PAUSE)
                        continue
                    raise RunFolderError(
                        f"another process is training the run {str(path)!r}: wait until it is done, or stop it"
                    ) from None
            break
        yield
