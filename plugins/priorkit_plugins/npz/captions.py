"""Captions of the images of a .npz file."""

from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from priorkit.errors import DataError
from priorkit.interfaces import Captions
from priorkit_plugins.caption_files import captioned_images, cleaned

__all__ = ["CAPTIONS", "read_captions"]

Array = NDArray[Any]

CAPTIONS = ("captions", "train_captions", "test_captions")
"""The arrays' names; the first two are synonyms."""

_CHUNK = 1024
"""Number of captions converted at once: in the array, each takes as much memory as the longest."""


def read_captions(
    arrays: dict[str, Array], counts: tuple[int, int | None], path: Path
) -> tuple[list[Captions], list[str]] | None:
    """The captions of the images, and of those held out if the file holds them apart.

    Args:
        arrays: The file's arrays.
        counts: Number of images, and of held-out ones; None if these are chosen from the images.
        path: The file, for messages.

    Returns:
        The captions of each set, and notes; None if the file has no captions.

    Raises:
        DataError: Captions are not texts, have a wrong shape, are missing for one of the two sets, or an image has
            none.
    """
    if "captions" in arrays and "train_captions" in arrays:
        raise DataError(f"{path} has both 'captions' and 'train_captions', two names of one thing: leave one out")
    key = "train_captions" if "train_captions" in arrays else "captions"
    wanted = {key: counts[0]} if counts[1] is None else {key: counts[0], "test_captions": counts[1]}
    there = [name for name in (key, "test_captions") if name in arrays]
    if not there:
        return None
    if set(there) != set(wanted):
        raise DataError(
            f"{path} has {' and '.join(map(repr, there))}, but {' and '.join(map(repr, wanted))} would go with its "
            "images: give captions to both sets of images, or to none"
        )
    found = [(name, _texts(arrays[name], name, count, path)) for name, count in wanted.items()]

    def reason(index: int) -> str:
        place = f"{key}[{index}]" if index < counts[0] else f"test_captions[{index - counts[0]}]"
        return f"{place} in {path} is empty"

    together = [texts for _, captions in found for texts in captions]
    _, notes = captioned_images(together, reason, "refuse", "of all arrays")
    return [_captions(captions, name, path) for name, captions in found], notes


def _captions(texts: list[tuple[str, ...]], name: str, path: Path) -> Captions:
    try:
        return Captions(texts)
    except ValueError as error:
        raise DataError(f"{name!r} in {path}: {error}: mend it, and write the file again") from error


def _texts(array: Array, name: str, count: int, path: Path) -> list[tuple[str, ...]]:
    if array.dtype.kind not in "US" or array.ndim not in (1, 2) or len(array) != count or not array.size:
        raise DataError(
            f"{name!r} in {path} is {array.dtype} of shape {array.shape}, but must be texts of shape ({count},) or "
            f"({count}, K), empty where an image has fewer than K: save numpy.array(captions, dtype=str)"
        )
    found: list[tuple[str, ...]] = []
    for start in range(0, count, _CHUNK):
        for row in array[start : start + _CHUNK].reshape(-1, array.size // count).tolist():
            try:
                texts = [text.decode() if isinstance(text, bytes) else text for text in row]
            except UnicodeDecodeError as error:
                raise DataError(
                    f"{name}[{len(found)}] in {path} is not UTF-8: save numpy.array(captions, dtype=str)"
                ) from error
            found.append(tuple(filter(None, map(cleaned, texts))))
    return found
