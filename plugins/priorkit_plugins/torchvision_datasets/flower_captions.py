"""Captions of Oxford 102 Flowers, and the split by classes that is used with them."""

import re
from pathlib import Path

from priorkit.errors import DataError
from priorkit_plugins.caption_files import read_captions, text_lines

__all__ = ["captions_path", "held_out_classes", "read_flower_captions"]

_CLASSES = 102
_OWN_CHOICE = range(4, 100, 5)
"""Labels of the classes that are held out by default: 20, evenly spaced."""


def captions_path(folder: Path, image: Path, label: int) -> Path:
    """The path of a photograph's captions: `text_c10/class_00001/image_00001.txt`; classes count from 1 there."""
    return folder / "text_c10" / f"class_{label + 1:05d}" / f"{image.stem}.txt"


def read_flower_captions(path: Path) -> tuple[str, ...]:
    """The captions of a photograph, one a line; none if there is no such file.

    Raises:
        DataError: The file cannot be read, or is not UTF-8.
    """
    return read_captions(path) if path.exists() else ()


def held_out_classes(folder: Path) -> tuple[frozenset[int], str]:
    """The labels of the classes to hold out, and a note.

    They are listed in `testclasses.txt` in this folder, in lines such as `class_00005`, as published by Reed et al.
    with the captions (CVPR 2016, arXiv:1605.05395: 82 classes to train and validate on, 20 to test on). Without that
    file, every fifth class is held out.

    Raises:
        DataError: A line of the file names no class, or all classes or none are named.
    """
    path = folder / "testclasses.txt"
    if not path.exists():
        return frozenset(_OWN_CHOICE), (
            "every fifth class (5, 10, ..., 100) is held out: testclasses.txt, with the literature's choice, is missing"
        )
    labels = set()
    for number, line in text_lines(path):
        found = re.fullmatch(r"class_(\d{5})", line)
        if found is None or not 1 <= int(found[1]) <= _CLASSES:
            raise DataError(
                f"{path}, line {number}, names no class ({line[:60]!r}): give names from class_00001 to class_00102"
            )
        labels.add(int(found[1]) - 1)
    if not 1 <= len(labels) < _CLASSES:
        raise DataError(f"{path} names {len(labels)} of {_CLASSES} classes: name those to hold out, and leave some out")
    return frozenset(labels), f"the {len(labels)} classes of testclasses.txt are held out, the others trained on"
