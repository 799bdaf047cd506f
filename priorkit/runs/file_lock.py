"""A lock that the operating system holds on a file, between processes and threads."""

import errno
import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from priorkit.whole_files import refuse_link

__all__ = ["file_lock"]

_KNOWS_SOFT_LOCKS = "fallback_to_soft" in inspect.signature(FileLock.__init__).parameters
"""Whether this version of filelock may take another kind of lock where the file system has none."""


@contextmanager
def file_lock(file: Path, patience: float = -1) -> Iterator[None]:
    """Inside this context nobody else holds the lock on a file, which is made and stays.

    It is freed when its process ends, however it ends. On file systems without locks, nothing is locked.

    Args:
        file: The file.
        patience: Seconds to wait for whoever holds it; any number of them if negative.

    Raises:
        OSError: The file cannot be made, or is a symbolic link, whose target would be emptied.
        Timeout: Another one holds it still.
    """
    refuse_link(file)
    if file.exists() and not file.is_file():
        # Who opens a pipe waits for it.
        raise OSError(errno.EINVAL, "it is no regular file", str(file))
    # A file that cannot be made is told apart from a file system that cannot lock.
    file.touch()
    # A file that only marks something as taken would outlive a process that is killed.
    lock = FileLock(file, fallback_to_soft=False) if _KNOWS_SOFT_LOCKS else FileLock(file)
    try:
        lock.acquire(timeout=patience)
    except Timeout:
        raise
    except (NotImplementedError, OSError):
        pass  # a file system without locks: better unlocked than not at all
    try:
        yield
    finally:
        lock.release()
