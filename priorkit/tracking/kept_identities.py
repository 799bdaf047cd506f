"""`trackers.json` in a run's folder: the trackers that follow the run, and the run's identity in each of them."""

import json
import threading
from collections.abc import Mapping
from pathlib import Path

from priorkit.config import parse_json
from priorkit.whole_files import read_regular, write_whole

__all__ = ["keep_identity", "kept_identity", "recorded_trackers"]

_FILE = "trackers.json"
_WRITING = threading.Lock()
"""Trackers write from separate threads, and must keep each other's entries."""


def recorded_trackers(folder: Path) -> tuple[str, ...]:
    """The names of the trackers that follow the run in a folder."""
    return tuple(_read(folder))


def kept_identity(folder: Path, name: str) -> Mapping[str, str]:
    """The identity of a run in a tracker, from the run's folder; empty if it is missing or unreadable."""
    return _read(folder).get(name, {})


def keep_identity(folder: Path, name: str, identity: Mapping[str, str]) -> None:
    """Saves the identity of a run in a tracker, in the run's folder.

    Raises:
        OSError: The file cannot be written.
    """
    with _WRITING:
        kept = {**_read(folder), name: dict(identity)}
        write_whole(folder / _FILE, json.dumps(kept, indent=2) + "\n")


def _read(folder: Path) -> dict[str, dict[str, str]]:
    try:
        found = parse_json(read_regular(folder / _FILE))
    except (OSError, ValueError):
        return {}
    if not isinstance(found, dict):
        return {}
    return {
        name: {key: value for key, value in identity.items() if isinstance(value, str)}
        for name, identity in found.items()
        if isinstance(identity, dict)
    }
