"""Finds run folders below other folders."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from priorkit.runs.folder import PRIOR_RECORD

__all__ = ["runs_below"]

_DEEPEST = 8
"""Folders between a folder that is watched and a run, at most."""
_FILES = {"config.toml", "environment.json"}
"""By which a folder is known as that of a run."""


def runs_below(folder: Path) -> Iterator[Path]:
    """The run folders in a folder, which may be one itself, sorted within each folder.

    Hidden folders, links and what lies inside runs are left out, and so is whatever cannot be looked at.
    """
    waiting = [(folder, 0)]
    while waiting:
        path, depth = waiting.pop()
        names, inside = _looked_into(path)
        if names >= _FILES:
            if PRIOR_RECORD not in names:
                yield path
        elif depth < _DEEPEST:
            waiting += [(path / name, depth + 1) for name in sorted(inside, reverse=True)]


def _looked_into(path: Path) -> tuple[set[str], list[str]]:
    """The names of a folder's entries that tell a run, and those of its folders."""
    names, inside = set(), []
    with suppress(OSError), os.scandir(path) as entries:
        for entry in entries:
            if entry.name in _FILES or entry.name == PRIOR_RECORD:
                names.add(entry.name)
            elif not entry.name.startswith(".") and entry.is_dir(follow_symlinks=False):
                inside.append(entry.name)
    return names, inside
