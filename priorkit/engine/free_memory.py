"""The main memory that this process may still use."""

import os
from pathlib import Path

__all__ = ["free_memory"]

_UNKNOWN = 4 * 2**30
"""Assumed to be free if the system does not report it."""


def free_memory(root: Path = Path("/")) -> int:
    """Bytes of main memory that are free, or would be if caches were dropped; in a container, within its limit.

    Args:
        root: Where `/proc` and `/sys` lie.
    """
    found = [_available(root / "proc/meminfo"), *_left_to_the_container(root / "sys/fs/cgroup")]
    return min((value for value in found if value is not None), default=_physical() or _UNKNOWN)


def _available(meminfo: Path) -> int | None:
    """`MemAvailable` of Linux; counts memory that only caches files as available."""
    try:
        lines = meminfo.read_text().splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:")), None)


def _left_to_the_container(cgroup: Path) -> list[int | None]:
    """What control groups (versions 2 and 1) leave of their limits."""
    pairs = (
        ("memory.max", "memory.current"),
        ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes"),
    )
    return [_difference(cgroup / limit, cgroup / used) for limit, used in pairs]


def _difference(limit: Path, used: Path) -> int | None:
    try:
        # "max" stands for no limit, and is no number either.
        return max(0, int(limit.read_text()) - int(used.read_text()))
    except (OSError, ValueError):
        return None


def _physical() -> int | None:
    """Half of the physical memory, if the system reports nothing else (macOS)."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2
    except (AttributeError, OSError, ValueError):
        return None
