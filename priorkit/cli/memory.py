"""Keeps the C library from returning freed memory to the operating system."""

import ctypes
import platform

__all__ = ["keep_freed_memory"]

# Parameters of mallopt(3), from glibc's malloc.h.
_TRIM_THRESHOLD = -1
_MMAP_THRESHOLD = -3
_LARGEST_MMAP_THRESHOLD = 32 * 2**20
_NEVER = 2**31 - 1


def keep_freed_memory() -> bool:
    """Lets glibc keep freed memory for later allocations, instead of returning it to the operating system at once.

    A training step on the CPU frees and allocates the same megabytes again and again. By default glibc returns blocks
    of that size to the operating system, which then clears every page anew when it is first touched; on some machines,
    above all virtual ones, this takes a good part of the training time. The setting holds for the whole process, which
    then keeps as much memory as it has used at its peak.

    Returns:
        True if the setting was made; False if the C library is not glibc.
    """
    if platform.libc_ver()[0] != "glibc":
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return False
    # mallopt returns 1 for success. Setting a threshold also stops glibc from adapting it.
    return bool(mallopt(_MMAP_THRESHOLD, _LARGEST_MMAP_THRESHOLD)) and bool(mallopt(_TRIM_THRESHOLD, _NEVER))
