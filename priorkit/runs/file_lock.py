"""File locks of the operating system, between processes and threads."""

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
"""Whether this version of filelock may fall back to another kind of lock if the file system has none."""


@contextmanager
def file_lock(file: Path, patience: float = -1) -> Iterator[None]:
    """Holds an exclusive lock on a file, which is created if missing and not removed.

    The lock is released when the process ends, even if killed. On file systems without locks, nothing is locked.

    Args:
        file: The file.
        patience: Seconds to wait for the current holder; without limit if negative.

    Raises:
        OSError: The file cannot be made, or is a symbolic link, whose target would be emptied.
        Timeout: Another process or thread still holds the lock.
    """
    refuse_link(file)
    if file.exists() and not file.is_file():
        # Opening a named pipe would block.
        raise OSError(errno.EINVAL, "it is not a regular file", str(file))
    # Distinguishes a file that cannot be created from a file system without locks.
    file.touch()
    # A mere marker file would outlive a killed process.
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
    """Whether a lock on a file is held; does not create or change the file.

    A process that requests the lock at this moment may have to wait briefly. If the file cannot be opened, or the file
    system has no locks, the lock counts as free.

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
        # A shared lock, so that two simultaneous checks do not see each other as holders.
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        # Closing the file releases the lock.
        os.close(descriptor)
    return False
