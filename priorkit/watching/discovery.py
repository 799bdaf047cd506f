"""Finds run folders below other folders."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from priorkit.runs.folder import PRIOR_RECORD

__all__ = ["runs_below"]

_DEEPEST = 8
"""Maximal depth of a run below a watched folder."""
_FILES = {"config.toml", "environment.json"}
"""The files that mark a folder as a run."""


def runs_below(folder: Path) -> Iterator[Path]:
    """Yields the run folders in a folder, which may itself be a run, sorted within each folder.

    Hidden folders, links, folders inside runs, and folders that cannot be read are left out.
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
    """Returns the names of the files in a folder that mark a run, and the names of its subfolders."""
    names, inside = set(), []
    with suppress(OSError), os.scandir(path) as entries:
        for entry in entries:
            if entry.name in _FILES or entry.name == PRIOR_RECORD:
                names.add(entry.name)
            elif not entry.name.startswith(".") and entry.is_dir(follow_symlinks=False):
                inside.append(entry.name)
    return names, inside
