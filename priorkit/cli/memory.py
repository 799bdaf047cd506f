"""How the C library hands memory back to the operating system."""

import ctypes
import platform

__all__ = ["keep_freed_memory"]

# Parameters of mallopt(3), from glibc's malloc.h.
_TRIM_THRESHOLD = -1
_MMAP_THRESHOLD = -3
_LARGEST_MMAP_THRESHOLD = 32 * 2**20
_NEVER = 2**31 - 1


def keep_freed_memory() -> bool:
    """Has glibc keep freed memory for the next allocation, instead of handing it back at once.

    A training step on the CPU frees and allocates the same megabytes again and again. By default glibc returns blocks
    of that size to the operating system, which then clears every page anew when it is first touched; on some machines,
    virtual ones above all, that costs a good part of the time. It is set for the whole process, which then keeps what
    it has used at its peak.

    Returns:
        Whether it was set: False where the C library is not glibc.
    """
    if platform.libc_ver()[0] != "glibc":
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return False
    # Each returns 1 if it has worked. A threshold set by hand also stops glibc from adapting it.
    return bool(mallopt(_MMAP_THRESHOLD, _LARGEST_MMAP_THRESHOLD)) and bool(mallopt(_TRIM_THRESHOLD, _NEVER))
