"""Finds the image files of a folder, and what their places say: classes, and which images are held out."""

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from priorkit.errors import DataError
from priorkit_plugins.folder.files import Files

__all__ = ["EXTENSIONS", "Layout", "Split", "find_layout"]

EXTENSIONS = (".png", ".jpg", ".jpeg", ".bmp", ".webp", ".gif", ".tif", ".tiff", ".pgm", ".ppm")
"""Names of image files end so, in small or capital letters."""

_HELD_OUT = ("test", "val", "valid", "validation")


@dataclass(frozen=True)
class Split:
    """Image files, and the name of each one's class, or None where there are no classes."""

    files: Files
    classes: list[str] | None


@dataclass(frozen=True)
class Layout:
    """The image files of a folder.

    Attributes:
        train: Those to train on, or all of them.
        test: The held-out ones, or None if the folder does not say which.
        notes: What was left aside.
    """

    train: Split
    test: Split | None
    notes: list[str]


def find_layout(root: Path) -> Layout:
    """Finds the image files of a folder; hidden files and folders are left aside, and names are sorted naturally.

    Args:
        root: A folder with one folder for each class, or with the images themselves; or with two such folders, `train`
            and `test` (or `val`, `valid`, `validation`). A lone folder `train` counts as the whole.

    Raises:
        DataError: There is no such folder, it has no images, or its layout is unclear.
    """
    if not root.exists():
        raise DataError(f"there is no folder {root}: let --data-dir name the folder with the images")
    if not root.is_dir():
        raise DataError(f"{root} is a file, not a folder: let --data-dir name the folder with the images")
    folders = [name for name, is_folder in _visible(root).items() if is_folder]
    held_out = next((name for name in _HELD_OUT if name in folders), None)
    if "train" in folders and held_out is not None:
        train, test = _find_split(root, "train"), _find_split(root, held_out)
        if (train.classes is None) != (test.classes is None):
            raise DataError(
                f"of {root / 'train'} and {root / held_out}, one has class folders and the other has not: lay out "
                "both alike"
            )
        unknown = _natural_order(set(test.classes or ()) - set(train.classes or ()))
        if unknown:
            raise DataError(
                f"class {unknown[0]!r} is in {root / held_out} but not in {root / 'train'}: every class needs images "
                "to train on"
            )
        aside = [name for name in folders if name not in ("train", held_out)]
        notes = [f"images in {held_out} are held out"]
        return Layout(train, test, notes + ([f"folders left aside: {', '.join(aside)}"] if aside else []))
    return Layout(_find_split(root, "train" if folders == ["train"] else ""), None, [])


def _find_split(root: Path, inside: str) -> Split:
    """Images in class folders (also deeper inside them), or directly in the folder."""
    folder = root / inside
    visible = _visible(folder)
    direct = [name for name, is_folder in visible.items() if not is_folder]
    classes = {
        name: Files(root, _images_below(root, _joined(inside, name)))
        for name, is_folder in visible.items()
        if is_folder
    }
    classes = {name: files for name, files in classes.items() if len(files)}
    if direct and classes:
        raise DataError(
            f"{folder} has images both directly ({direct[0]}) and in folders ({next(iter(classes))}): move the "
            "images into class folders, or all into one folder"
        )
    if not direct and not classes:
        raise DataError(
            f"there are no images in {folder} or in folders inside it: put image files there (read are "
            f"{', '.join(EXTENSIONS)})"
        )
    if direct:
        return Split(Files(root, (_joined(inside, name) for name in direct)), None)
    names = [name for name, files in classes.items() for _ in range(len(files))]
    return Split(Files.joined(list(classes.values())), names)


def _images_below(root: Path, inside: str) -> Iterator[str]:
    for name, is_folder in _visible(root / inside).items():
        path = _joined(inside, name)
        if is_folder:
            yield from _images_below(root, path)
        else:
            yield path


def _joined(inside: str, name: str) -> str:
    return f"{inside}/{name}" if inside else name


def _visible(folder: Path) -> dict[str, bool]:
    """The names of image files and of folders in a folder, sorted, and whether each is a folder."""
    found = {}
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.startswith("."):
                    continue
                is_folder = entry.is_dir()
                if is_folder or (entry.name.lower().endswith(EXTENSIONS) and entry.is_file()):
                    found[entry.name] = is_folder
    except OSError as error:
        raise DataError(f"{folder} cannot be read ({error.strerror}): check that you may read it") from error
    return {name: found[name] for name in _natural_order(found)}


def _natural_order(names: Iterable[str]) -> list[str]:
    """Sorts `class10` behind `class9`, and without regard to capitals."""

    def key(name: str) -> str:
        # Digits come before texts, and fewer before more: one text, because lists of parts would fill the memory.
        return re.sub(r"\d+", _sortable_number, name.casefold())

    return sorted(sorted(names), key=key)


def _sortable_number(digits: re.Match[str]) -> str:
    number = str(int(digits[0]))
    return f"\0{chr(len(number))}{number}"
