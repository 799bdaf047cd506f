"""Vectors that describe the images of a .npz file."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from priorkit.errors import DataError

__all__ = ["EMBEDDINGS", "read_embeddings"]

Array = NDArray[Any]

EMBEDDINGS = ("embeddings", "train_embeddings", "test_embeddings")
"""The arrays' names; the first two are synonyms."""


def read_embeddings(arrays: dict[str, Array], counts: tuple[int, int | None], path: Path) -> list[Tensor] | None:
    """The embeddings of the images, and of those held out if the file holds them apart.

    Args:
        arrays: The file's arrays.
        counts: Number of images, and of held-out ones; None if these are chosen from the images.
        path: The file, for messages.

    Returns:
        float32 (N, dimensions), and (M, dimensions) if there are held-out images; None if the file has no embeddings.

    Raises:
        DataError: Embeddings are not finite numbers, have a wrong shape, or are missing for one of the two sets.
    """
    if "embeddings" in arrays and "train_embeddings" in arrays:
        raise DataError(f"{path} has both 'embeddings' and 'train_embeddings', two names of one thing: leave one out")
    key = "train_embeddings" if "train_embeddings" in arrays else "embeddings"
    wanted = {key: counts[0]} if counts[1] is None else {key: counts[0], "test_embeddings": counts[1]}
    there = [name for name in (key, "test_embeddings") if name in arrays]
    if not there:
        return None
    if set(there) != set(wanted):
        raise DataError(
            f"{path} has {' and '.join(map(repr, there))}, but {' and '.join(map(repr, wanted))} would go with its "
            "images: give embeddings to both sets of images, or to none"
        )
    vectors = [_checked(arrays[name], name, count, path) for name, count in wanted.items()]
    if len({part.shape[1] for part in vectors}) > 1:
        raise DataError(
            f"in {path}, {key!r} has {vectors[0].shape[1]} dimensions and 'test_embeddings' {vectors[1].shape[1]}: "
            "make them by the same method"
        )
    return vectors


def _checked(vectors: Array, name: str, count: int, path: Path) -> Tensor:
    if vectors.dtype.kind not in "fiu" or vectors.ndim != 2 or len(vectors) != count or not vectors.shape[1]:
        raise DataError(
            f"{name!r} in {path} is {vectors.dtype} of shape {vectors.shape}, but must be numbers of shape "
            f"({count}, dimensions), one row for each image"
        )
    kept = vectors.astype(np.float32)
    if not np.isfinite(kept).all():
        raise DataError(f"{name!r} in {path} has values that are infinite or not a number: compute it again")
    return torch.from_numpy(np.ascontiguousarray(kept))
