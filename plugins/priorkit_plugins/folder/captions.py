"""Finds the captions of a folder's images: in a text file beside each, or in lists."""

import os
import posixpath
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from priorkit.errors import DataError
from priorkit_plugins.caption_files import read_captions
from priorkit_plugins.folder.caption_list import CAPTION_LISTS, read_caption_list
from priorkit_plugins.folder.files import Files

__all__ = ["FoundCaptions", "find_captions"]

_BOX = re.compile(r"\d+(\s+\+?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?){4,}")
"""A class and at least four numbers: a bounding box or outline, for object detection."""
_SHOWN = 3
"""Maximal number of lines listed in a message."""


class FoundCaptions(NamedTuple):
    """Captions of a folder's images.

    Attributes:
        captions: The captions of each image, in the images' order; an empty tuple if it has none.
        reason: From an image's index to the reason why it has no captions.
    """

    captions: list[tuple[str, ...]]
    reason: Callable[[int], str]


def find_captions(files: Files, key: str, notes: list[str]) -> FoundCaptions | None:
    """Finds captions: `NAME.txt` beside `NAME.png`, one a line; or `captions.jsonl` or `metadata.jsonl`.

    A list may be in a folder of images, or above; its paths are relative to its folder. Several lines about one image
    add up.

    Args:
        files: The images.
        key: The key of captions in the lists.
        notes: Notes for the user; one is added if a list has no captions.

    Returns:
        The captions, or None if there are none at all.

    Raises:
        DataError: A file cannot be read or has other content, a list names images that are not there, or captions lie
            in several places.
    """
    listings = {folder: _listing(files.root / folder) for folder in _folders(files)}
    beside = _text_files(files, listings)
    lists = [
        files.root / folder / name for folder, names in listings.items() for name in CAPTION_LISTS if name in names
    ]
    listed = _listed(files, lists, key, notes)
    if listed is not None and beside:
        raise DataError(
            f"captions lie in {listed[1][0]} and beside the images, as in {next(iter(beside.values()))}: leave one of "
            "them out"
        )
    if listed is not None:
        captions, used = listed
        return FoundCaptions(captions, lambda index: f"{files[index]} has none in {used[0].name}")
    if not beside:
        return None
    captions = [read_captions(beside[index]) if index in beside else () for index in range(len(files))]
    if any(captions) and all(_is_box(line) for lines in captions for line in lines):
        notes.append(
            f"the text files beside the images, as {next(iter(beside.values())).name}, hold numbers alone, as labels "
            "of boxes do: they are not captions, and are ignored"
        )
        return None
    return FoundCaptions(
        captions,
        lambda index: f"{files[index].with_suffix('.txt')} is {'empty' if index in beside else 'missing'}",
    )


def _is_box(line: str) -> bool:
    """Whether a line is a box or an outline: their coordinates are shares of the image's width and height."""
    return bool(_BOX.fullmatch(line)) and all(float(number) <= 1 for number in line.split()[1:])


def _folders(files: Files) -> list[str]:
    """The folders that hold the images, and those above, relative to the root."""
    found = {""}
    for index in range(len(files)):
        folder = posixpath.dirname(files.name(index))
        while folder not in found:
            found.add(folder)
            folder = posixpath.dirname(folder)
    return sorted(found)


def _listing(folder: Path) -> frozenset[str]:
    """The names of the text files and lists in a folder, in one listing, which is faster than checking each file."""
    try:
        with os.scandir(folder) as entries:
            return frozenset(entry.name for entry in entries if entry.name.endswith((".txt", ".jsonl")))
    except OSError as error:
        raise DataError(f"{folder} cannot be read ({error.strerror}): check that you may read it") from error


def _text_files(files: Files, listings: dict[str, frozenset[str]]) -> dict[int, Path]:
    """The text file of each image that has one, by the image's index."""
    found = {}
    for index in range(len(files)):
        folder, name = posixpath.split(files.name(index))
        text = f"{posixpath.splitext(name)[0]}.txt"
        if text in listings[folder]:
            found[index] = files.root / folder / text
    return found


def _listed(
    files: Files, lists: Sequence[Path], key: str, notes: list[str]
) -> tuple[list[tuple[str, ...]], list[Path]] | None:
    """The captions of each image from lists, and the lists that have captions; None if there are no lists."""
    if not lists:
        return None
    indices = {files.name(index): index for index in range(len(files))}
    captions: list[tuple[str, ...]] = [()] * len(files)
    owners: dict[int, Path] = {}
    used = []
    for path in lists:
        folder = path.parent.relative_to(files.root).as_posix()
        keys: dict[str, None] = {}
        absent = []
        any_captions = False
        for entry in read_caption_list(path, key):
            keys.update(dict.fromkeys(entry.keys))
            any_captions |= key in entry.keys
            index = indices.get(posixpath.normpath(posixpath.join(folder, entry.file_name)))
            if index is None:
                # Lists may name images that are left out.
                if not (path.parent / entry.file_name).is_file():
                    absent.append(f"line {entry.line}: {entry.file_name!r}")
                continue
            if not entry.captions:
                continue
            if owners.setdefault(index, path) != path:
                raise DataError(f"{files[index]} has captions in {owners[index]} and in {path}: leave one of them out")
            captions[index] += entry.captions
        if not any_captions:
            _without_captions(path, key, list(keys), notes)
            continue
        if absent:
            more = ", ..." if len(absent) > _SHOWN else ""
            raise DataError(
                f"{path} names {len(absent)} images that are not there ({', '.join(absent[:_SHOWN])}{more}): put them "
                "back, or remove these lines"
            )
        used.append(path)
    return (captions, used) if used else None


def _without_captions(path: Path, key: str, keys: list[str], notes: list[str]) -> None:
    """Refuses a caption list without captions; notes metadata without captions, which may be of another kind."""
    found = ", ".join(map(repr, keys)) or "nothing"
    if path.name == CAPTION_LISTS[0]:
        raise DataError(
            f"{path} has no {key!r} in any line (it has {found}): give the key of captions by --dataset.caption-key, "
            "or read no captions by --no-dataset.captions"
        )
    notes.append(f"{path.name} has no {key!r}, and so no captions; --dataset.caption-key names another of {found}")
