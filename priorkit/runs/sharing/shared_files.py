"""The files of a shared run: their allowed names and sizes."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Protocol

from priorkit.engine import free_memory
from priorkit.errors import RunFolderError

__all__ = ["CARD", "REPORT", "SMALL_FILES", "SharedFiles", "check_sizes", "is_of_run", "is_of_weights"]

CARD = "README.md"
"""The model card, which is for people and not part of the run."""

REPORT = "report.html"
"""The report, which is written again when a run is received."""

_METRICS = "metrics.jsonl"

SMALL_FILES = (
    "config.toml",
    "environment.json",
    _METRICS,
    "scores.json",
    "checkpoints/last.json",
    "checkpoints/best.json",
)
"""The files that describe a run, without weights and pictures; some runs lack some of them."""

_NEEDED = ("config.toml", "environment.json", "checkpoints/last.json")
_OTHERS = ("diagnosis.json", "diagnosis.png", REPORT)
_PICTURE = re.compile(r"samples/(?:samples|reconstructions)-[0-9]{8,12}\.png")
_OF_CHECKPOINT = re.compile(
    r"checkpoints/step-[0-9]{8,12}(?:-[0-9]{1,4})?/(?:weights\.safetensors|state\.pt|checksums\.json)"
)
_WEIGHTS = "/weights.safetensors"
_MOST_FILES = 64
_MOST_OF_TEXT = 2**30
"""Maximal size of the measurements in bytes; those of a long training take some hundred megabytes."""
_UNFOLDED = 8
"""Approximate memory of the measurements, as a multiple of their file's size."""
_MOST_OF_PICTURE = 2**26
_MOST_OF_WORDS = 2**23
"""Maximal size in bytes of a file that is read as a whole: configuration, environment, pointers, checksums, scores."""


class SharedFiles(Protocol):
    """The files of a shared run, in any place.

    Attributes:
        name: The name of the whole in messages.
        sizes: The files' sizes in bytes by name, with `/` between folder and file; only names that files of a run have.
    """

    @property
    def name(self) -> str:
        """The name of the whole in messages."""

    @property
    def sizes(self) -> Mapping[str, int]:
        """The files' sizes in bytes by name."""

    def copy(self, name: str, folder: Path) -> None:
        """Copies a file into a folder, under its name; makes the folders in between.

        Raises:
            RunFolderError: The file cannot be read.
            OSError: The copy cannot be written.
        """


def is_of_run(name: str) -> bool:
    """Whether a file of a shared run may have this name; such names cannot lead out of the run folder."""
    known = name in SMALL_FILES or name in _OTHERS
    return known or _PICTURE.fullmatch(name) is not None or _OF_CHECKPOINT.fullmatch(name) is not None


def is_of_weights(name: str) -> bool:
    """Whether a file holds a checkpoint's weights."""
    return name.endswith(_WEIGHTS)


def _most_of(name: str, memory: int) -> int:
    """Returns the maximal size of a file in bytes, according to its content."""
    if is_of_weights(name) or name.endswith("/state.pt"):
        return memory
    if name == _METRICS:
        return min(memory // _UNFOLDED, _MOST_OF_TEXT)
    return _MOST_OF_PICTURE if name.endswith((".png", REPORT)) else _MOST_OF_WORDS


def check_sizes(
    sizes: Mapping[str, int],
    what: str,
    room: int,
    names: Iterable[str] | None = None,
    mend: str = "name another folder with --out",
) -> None:
    """Checks that files form a run, and fit into memory and onto the disk, before any of them is read.

    Args:
        sizes: The stated sizes in bytes by name.
        what: The subject of messages.
        room: Free bytes on the disk.
        names: The files to fetch; all if None.
        mend: Advice for a full disk, besides freeing space.

    Raises:
        RunFolderError: The files are not a run, or are too large.
    """
    missing = [name for name in _NEEDED if name not in sizes]
    if not any(is_of_weights(name) for name in sizes):
        missing.append(f"checkpoints/step-...{_WEIGHTS}")
    if missing:
        raise RunFolderError(
            f"{what} is not a run: it has no {missing[0]}; expected a run from `priorkit pack` or `priorkit push`"
        )
    fetched = list(sizes if names is None else names)
    if len(fetched) > _MOST_FILES:
        raise RunFolderError(f"{what} has {len(fetched)} files, but a shared run has at most {_MOST_FILES}")
    memory = free_memory()
    for name in fetched:
        most = min(memory, _most_of(name, memory))
        if sizes[name] > most:
            raise RunFolderError(
                f"{what}: {name} has {sizes[name]:,} bytes, but at most {most:,} can be read here; nothing was written"
            )
    total = sum(sizes[name] for name in fetched)
    if total > room:
        raise RunFolderError(
            f"{what} takes {total:,} bytes, but {room:,} are free on the disk; free some space, or {mend}"
        )
