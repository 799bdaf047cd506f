"""Images of a .npz file that are read all at once."""

import zipfile
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from priorkit_plugins.npz.archive import explained
from priorkit_plugins.npz.stored import Place

__all__ = ["read_images"]

Array = NDArray[Any]

_CHUNK = 2**20
"""Bytes that are read at a time."""


def read_images(images: Array, place: Place | None, places: NDArray[np.int64]) -> Tensor:
    """Reads the images of an array into a tensor. If they are read from a file, only a few more are in memory.

    Args:
        images: The images, shape (N, H, W, C). If `place` holds images, they are read from the file, and only the shape
            of this array counts.
        place: The array's place in its file, or None if unknown.
        places: The index in the tensor of each image, a permutation of the numbers below N.

    Returns:
        The images, uint8 of shape (N, C, H, W).

    Raises:
        DataError: The file is damaged.
    """
    count, height, width, channels = images.shape
    result = np.empty((count, channels, height, width), dtype=np.uint8)
    step = max(1, _CHUNK // (height * width * channels))
    if place is not None and place.holds_images:
        chunks = _read(place, step)
    else:
        chunks = (images[start : start + step] for start in range(0, count, step))
    start = 0
    for chunk in chunks:
        result[places[start : start + len(chunk)]] = chunk.transpose(0, 3, 1, 2)
        start += len(chunk)
    return torch.from_numpy(result)


def _read(place: Place, step: int) -> Iterator[Array]:
    """Reads images from a file, compressed or not, `step` at a time: shape (n, H, W, C)."""
    count = place.shape[0]
    channels, height, width = place.image_shape
    with (
        explained(place.key, place.path),
        zipfile.ZipFile(place.path) as archive,
        archive.open(f"{place.key}.npy") as member,
    ):
        member.read(place.header)
        for start in range(0, count, step):
            shape = min(step, count - start), height, width, channels
            # A file that ends early raises a ValueError here.
            yield np.frombuffer(member.read(int(np.prod(shape))), dtype=np.uint8).reshape(shape)
