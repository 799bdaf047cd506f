"""A lock that the operating system holds on a file, between processes and threads."""

import errno
import inspect
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from priorkit.whole_files import refuse_link

__all__ = ["file_lock", "is_locked"]

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


def is_locked(file: Path) -> bool:
    """Whether somebody holds the lock on a file; changes nothing, and makes no file.

    Who asks for the lock in that moment waits for it a little, if patient at all. Where the file cannot be opened, or
    the file system has no locks, nobody is taken to hold it.

    Args:
        file: The file.
    """
    if file.is_symlink() or not file.is_file():
        return False
    if os.name == "nt":
        try:
            with FileLock(file, timeout=0):
                return False
        except Timeout:
            return True
        except (NotImplementedError, OSError):
            return False
    import fcntl

    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        # Shared: two who ask at once do not take each other for the holder.
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        # Closing it frees the lock.
        os.close(descriptor)
    return False
