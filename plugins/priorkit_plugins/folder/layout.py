"""Finds the image files of a folder, and what their places say: classes, and which images are held out."""

import re
from dataclasses import dataclass
from pathlib import Path

from priorkit.errors import DataError

__all__ = ["EXTENSIONS", "Layout", "Split", "find_layout"]

EXTENSIONS = (".png", ".jpg", ".jpeg", ".bmp", ".webp", ".gif", ".tif", ".tiff", ".pgm", ".ppm")
"""Names of image files end so, in small or capital letters."""

_HELD_OUT = ("test", "val", "valid", "validation")


@dataclass(frozen=True)
class Split:
    """Image files, and the name of each one's class, or None where there are no classes."""

    files: list[Path]
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
    folders = [path.name for path in _visible(root) if path.is_dir()]
    held_out = next((name for name in _HELD_OUT if name in folders), None)
    if "train" in folders and held_out is not None:
        train, test = _find_split(root / "train"), _find_split(root / held_out)
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
    return Layout(_find_split(root / "train" if folders == ["train"] else root), None, [])


def _find_split(folder: Path) -> Split:
    """Images in class folders (also deeper inside them), or directly in the folder."""
    direct = [path for path in _visible(folder) if _is_image(path)]
    classes = {path.name: _images_below(path) for path in _visible(folder) if path.is_dir()}
    classes = {name: files for name, files in classes.items() if files}
    if direct and classes:
        raise DataError(
            f"{folder} has images both directly ({direct[0].name}) and in folders ({next(iter(classes))}): move the "
            "images into class folders, or all into one folder"
        )
    if not direct and not classes:
        raise DataError(
            f"there are no images in {folder} or in folders inside it: put image files there (read are "
            f"{', '.join(EXTENSIONS)})"
        )
    if direct:
        return Split(direct, None)
    files = [file for inside in classes.values() for file in inside]
    return Split(files, [name for name, inside in classes.items() for _ in inside])


def _images_below(folder: Path) -> list[Path]:
    found: list[Path] = []
    for path in _visible(folder):
        if path.is_dir():
            found += _images_below(path)
        elif _is_image(path):
            found.append(path)
    return found


def _is_image(path: Path) -> bool:
    return path.suffix.lower() in EXTENSIONS and path.is_file()


def _visible(folder: Path) -> list[Path]:
    try:
        names = [path.name for path in folder.iterdir() if not path.name.startswith(".")]
    except OSError as error:
        raise DataError(f"{folder} cannot be read ({error.strerror}): check that you may read it") from error
    return [folder / name for name in _natural_order(names)]


def _natural_order(names: set[str] | list[str]) -> list[str]:
    """Sorts `class10` behind `class9`, and without regard to capitals."""

    def key(name: str) -> tuple[list[int | str], str]:
        # Texts and numbers alternate, so that like is compared with like.
        return [int(part) if part.isdecimal() else part for part in re.split(r"(\d+)", name.casefold())], name

    return sorted(names, key=key)
