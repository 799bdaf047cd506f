"""Reads the arrays of a .npz file and checks them."""

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from priorkit.errors import DataError
from priorkit.plugins import BROKEN_FILE_ERRORS, checked_array
from priorkit_plugins.npz.stored import Place, array_place

__all__ = ["check_images", "check_labels", "explained", "find_places", "read_arrays"]

Array = NDArray[Any]


def find_places(path: Path, keys: tuple[str, ...]) -> dict[str, Place]:
    """Locates arrays in a .npz file, as far as it has them; errors are left to `read_arrays`."""
    places = {}
    for key in keys:
        with contextlib.suppress(*BROKEN_FILE_ERRORS):
            places[key] = array_place(path, key)
    return places


def read_arrays(path: Path, keys: tuple[str, ...], later: Mapping[str, Place]) -> tuple[dict[str, Array], list[str]]:
    """Reads some arrays of a .npz file.

    Args:
        path: The file.
        keys: The arrays to read, if the file has them.
        later: The places of arrays to read later: each is replaced by an array of its shape that takes no memory.

    Returns:
        The arrays, and the names of those that were not read.

    Raises:
        DataError: The file is missing, not a .npz file, or broken, or an array holds Python objects (unpickling them
            could run code).
    """
    if path.is_dir():
        inside = sorted(file.name for file in path.glob("*.npz"))
        found = f"it has {', '.join(inside)}" if inside else "it has no .npz file"
        raise DataError(f"{path} is a folder ({found}): let --data-dir name the .npz file itself")
    if not path.is_file():
        raise DataError(f"there is no file {path}: let --data-dir name a .npz file, written by numpy.savez")
    try:
        archive = np.load(path, allow_pickle=False)
    except BROKEN_FILE_ERRORS:
        archive = None
    if not isinstance(archive, np.lib.npyio.NpzFile):
        raise DataError(
            f"{path} is not a .npz file, or it is cut off: write it again by numpy.savez(path, images=images)"
        )
    with archive:
        arrays = {key: _read_array(archive, key, path, later.get(key)) for key in keys if key in archive.files}
        return arrays, [key for key in archive.files if key not in arrays]


def _read_array(archive: Any, key: str, path: Path, place: Place | None) -> Array:
    if place is not None:
        return np.broadcast_to(np.zeros((), place.dtype), place.shape)
    with explained(key, path):
        try:
            return checked_array(archive[key])
        except MemoryError as error:
            # It raises an error if the header claims more than the file has.
            nbytes = array_place(path, key).nbytes
            raise DataError(
                f"{key!r} in {path} takes {nbytes / 2**30:.1f} GiB, more than fits into memory: save fewer images, or "
                "save them uncompressed, by numpy.savez, to have them streamed"
            ) from error


@contextlib.contextmanager
def explained(key: str, path: Path) -> Iterator[None]:
    """Turns errors of a broken array into one line that names the array."""
    try:
        yield
    except DataError:
        raise
    except BROKEN_FILE_ERRORS as error:
        if "Object arrays" in str(error):
            mend = "numbers, or names as numpy.array(names, dtype=str)"
            if key.endswith("captions"):
                mend = "numpy.array(captions, dtype=str), '' where an image has fewer, or use --no-dataset.captions"
            raise DataError(
                f"{key!r} in {path} is an array of Python objects, which is not read for safety: save it as {mend}"
            ) from error
        raise DataError(f"{key!r} in {path} is damaged ({_one_line(error)}): write the file again") from error


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def check_images(images: Array, key: str, path: Path) -> Array:
    """Checks images and gives them the shape (N, H, W, C).

    Args:
        images: The file's array, expected to be uint8 of shape (N, H, W) or (N, H, W, C), C being 1 or 3.
        key: The array's name.
        path: The file, for messages.

    Raises:
        DataError: The dtype or shape is wrong.
    """
    what = f"{key!r} in {path}"
    shape = images.shape
    if images.dtype != np.uint8:
        unit = images.dtype.kind in "fb" and images.size and float(images.min()) >= 0 and float(images.max()) <= 1
        mend = "multiply by 255 and convert to uint8" if unit else "bring it to 0 to 255 and convert to uint8"
        raise DataError(f"{what} is {images.dtype}, but images must be uint8 from 0 to 255: {mend}")
    if images.ndim == 4 and shape[3] not in (1, 3) and shape[1] in (1, 3):
        raise DataError(
            f"{what} has shape {shape}, channels first, but must be (N, height, width, channels): "
            "transpose it, images.transpose(0, 2, 3, 1)"
        )
    if images.ndim == 4 and shape[3] == 4:
        raise DataError(
            f"{what} has shape {shape}, four channels, but must have 1 or 3: leave out alpha, images[..., :3]"
        )
    if images.ndim not in (3, 4) or (images.ndim == 4 and shape[3] not in (1, 3)):
        raise DataError(
            f"{what} has shape {shape}, but must be (N, height, width), or (N, height, width, channels) with 1 or 3 "
            "channels: reshape it"
        )
    if 0 in shape:
        raise DataError(f"{what} has shape {shape} and so no pixels: save at least one image there")
    return images if images.ndim == 4 else images[..., np.newaxis]


def check_labels(labels: Array, key: str, path: Path, count: int, images_key: str) -> Array:
    """Checks that labels are whole numbers, one for each of `count` images.

    Raises:
        DataError: They are not.
    """
    what = f"{key!r} in {path}"
    if labels.dtype.kind not in "iu":
        raise DataError(
            f"{what} is {labels.dtype}, but labels must be integers: number the classes, and convert to int64"
        )
    if labels.shape != (count,):
        raise DataError(
            f"{what} has shape {labels.shape}, but {images_key!r} has {count} images: give one number for each, "
            f"shape ({count},)"
        )
    return labels
