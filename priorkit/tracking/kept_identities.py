"""`trackers.json` in a run's folder: which trackers follow the run, and as what."""

import json
import threading
from collections.abc import Mapping
from pathlib import Path

from priorkit.config import parse_json
from priorkit.whole_files import read_regular, write_whole

__all__ = ["keep_identity", "kept_identity", "recorded_trackers"]

_FILE = "trackers.json"
_WRITING = threading.Lock()
"""Each tracker writes in a thread of its own, and keeps what the others have written."""


def recorded_trackers(folder: Path) -> tuple[str, ...]:
    """The names of the trackers that follow the run in a folder."""
    return tuple(_read(folder))


def kept_identity(folder: Path, name: str) -> Mapping[str, str]:
    """As what a tracker follows the run in a folder; empty if it does not, or nobody can read it any more."""
    return _read(folder).get(name, {})


def keep_identity(folder: Path, name: str, identity: Mapping[str, str]) -> None:
    """Writes as what a tracker follows the run in a folder.

    Raises:
        OSError: It cannot be written.
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
