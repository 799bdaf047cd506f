"""The files that a shared run may have: what they are called, and how large they may be."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Protocol

from priorkit.engine import free_memory
from priorkit.errors import RunFolderError

__all__ = ["CARD", "REPORT", "SMALL_FILES", "SharedFiles", "check_sizes", "is_of_run", "is_of_weights"]

CARD = "README.md"
"""The model card, for people; no part of the run."""

REPORT = "report.html"
"""The report; it is written anew where a run is received."""

_METRICS = "metrics.jsonl"

SMALL_FILES = (
    "config.toml",
    "environment.json",
    _METRICS,
    "scores.json",
    "checkpoints/last.json",
    "checkpoints/best.json",
)
"""The files that say what a run is, without its weights and pictures; some runs lack some of them."""

_NEEDED = ("config.toml", "environment.json", "checkpoints/last.json")
_OTHERS = ("diagnosis.json", "diagnosis.png", REPORT)
_PICTURE = re.compile(r"samples/(?:samples|reconstructions)-[0-9]{8,12}\.png")
_OF_CHECKPOINT = re.compile(
    r"checkpoints/step-[0-9]{8,12}(?:-[0-9]{1,4})?/(?:weights\.safetensors|state\.pt|checksums\.json)"
)
_WEIGHTS = "/weights.safetensors"
_MOST_FILES = 64
_MOST_OF_TEXT = 2**30
"""Bytes that measurements may have: those of a long training are some hundred megabytes."""
_UNFOLDED = 8
"""How much more memory measurements take than their file has bytes, about."""
_MOST_OF_PICTURE = 2**26
_MOST_OF_WORDS = 2**23
"""Bytes that a file may have which is read as a whole: of configuration, environment, pointers, checksums, scores."""


class SharedFiles(Protocol):
    """The files of a run that somebody shares, wherever they are.

    Attributes:
        name: What they are called in messages.
        sizes: Their sizes in bytes by name, with `/` between folder and file: names that a run has, and no others.
    """

    @property
    def name(self) -> str:
        """What they are called in messages."""

    @property
    def sizes(self) -> Mapping[str, int]:
        """Their sizes in bytes by name."""

    def copy(self, name: str, folder: Path) -> None:
        """Writes a file below a folder, under its name, making the folders in between.

        Raises:
            RunFolderError: It cannot be read.
            OSError: It cannot be written.
        """


def is_of_run(name: str) -> bool:
    """Whether a file of a shared run may have a name; such names lead nowhere but into the run's folder."""
    known = name in SMALL_FILES or name in _OTHERS
    return known or _PICTURE.fullmatch(name) is not None or _OF_CHECKPOINT.fullmatch(name) is not None


def is_of_weights(name: str) -> bool:
    """Whether a file holds a checkpoint's weights."""
    return name.endswith(_WEIGHTS)


def _most_of(name: str, memory: int) -> int:
    """Bytes that a file may have, by what it holds."""
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
    """Makes sure that files make a run, and fit into memory and onto the disk, before any is read.

    Args:
        sizes: As they are said to be, in bytes by name.
        what: What has them, to begin messages.
        room: Bytes that are free on the disk.
        names: Which of them are to be fetched; all if None.
        mend: What may be done where the disk has no room, but freeing some.

    Raises:
        RunFolderError: They are no run, or too large.
    """
    missing = [name for name in _NEEDED if name not in sizes]
    if not any(is_of_weights(name) for name in sizes):
        missing.append(f"checkpoints/step-...{_WEIGHTS}")
    if missing:
        raise RunFolderError(
            f"{what} is no run: it has no {missing[0]}; expected what `priorkit pack` or `priorkit push` has made"
        )
    fetched = list(sizes if names is None else names)
    if len(fetched) > _MOST_FILES:
        raise RunFolderError(f"{what} has {len(fetched)} files, and a shared run has at most {_MOST_FILES}")
    memory = free_memory()
    for name in fetched:
        most = min(memory, _most_of(name, memory))
        if sizes[name] > most:
            raise RunFolderError(
                f"{what}: {name} would have {sizes[name]:,} bytes, and at most {most:,} can be read here; nothing was "
                "written"
            )
    total = sum(sizes[name] for name in fetched)
    if total > room:
        raise RunFolderError(
            f"{what} would take {total:,} bytes, and {room:,} are free on the disk; free some space, or {mend}"
        )
