"""Recognises folders of images to train on and to hold out by their names."""

import re
from collections.abc import Iterable, Sequence

from priorkit.errors import DataError

__all__ = ["HELD_OUT", "TRAIN", "held_out_parts", "part_of", "train_parts"]

TRAIN = "train"
HELD_OUT = ("test", "val")
"""Kinds of held-out folders; the first that exists is used."""

_NAMES = {TRAIN: r"train(ing)?", "test": r"test(ing)?", "val": r"val(id|idation)?"}
# As in archives of data sets: `Training`, `test_set`, `seg_train`.
_PATTERNS = {
    part: re.compile(rf"(seg[ _-])?{name}([ _-]?(set|data|images|imgs))?", re.IGNORECASE)
    for part, name in _NAMES.items()
}


def part_of(name: str) -> str | None:
    """The usual meaning of a folder's name: `train`, `test`, `val`, or None."""
    return next((part for part, pattern in _PATTERNS.items() if pattern.fullmatch(name)), None)


def train_parts(names: Iterable[str]) -> list[str]:
    """The names of folders with images to train on."""
    return [name for name in names if part_of(name) == TRAIN]


def held_out_parts(names: Sequence[str], where: object) -> list[str]:
    """The names of folders with held-out images, by priority.

    Args:
        names: Names of folders.
        where: The folder that has them, for messages.

    Raises:
        DataError: Two names have the same meaning.
    """
    found = []
    for part in (TRAIN, *HELD_OUT):
        same = [name for name in names if part_of(name) == part]
        if len(same) > 1:
            raise DataError(
                f"{where} has {' and '.join(map(repr, same[:2]))}, two names of one kind: move one of them elsewhere, "
                "or into the other"
            )
        found += same if part != TRAIN else []
    return found
