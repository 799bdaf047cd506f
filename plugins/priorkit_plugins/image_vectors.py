"""Reads vectors that describe images, such as embeddings of their captions, from one file for each image."""

import tokenize
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from priorkit.errors import DataError

__all__ = ["read_vectors"]

_SHOWN = 3
"""Maximal number of files listed in a message."""


def read_vectors(paths: Iterable[Path], count: int) -> tuple[Tensor, list[str]]:
    """Reads a .npy file for each image: numbers of shape (dim,), or (K, dim) for K vectors, which are averaged.

    Args:
        paths: The files, in the images' order.
        count: Number of files.

    Returns:
        float32 (count, dim), and notes.

    Raises:
        DataError: Files are missing or broken, hold Python objects (unpickling them could run code) or numbers that are
            not finite, or differ in dim.
    """
    vectors: NDArray[np.float32] | None = None
    missing, averaged, most, first = [], 0, 1, None
    for index, path in enumerate(paths):
        try:
            array = _read(path)
        except FileNotFoundError:
            missing.append(path)
            continue
        if vectors is None:
            vectors, first = np.empty((count, array.shape[1]), dtype=np.float32), path
        if array.shape[1] != vectors.shape[1]:
            raise DataError(
                f"{path} has {array.shape[1]} dimensions, and {first} {vectors.shape[1]}: make all embeddings by the "
                "same means"
            )
        averaged += len(array) > 1
        most = max(most, len(array))
        vectors[index] = array.mean(axis=0, dtype=np.float64)
    if missing or vectors is None:
        shown = ", ".join(map(str, missing[:_SHOWN])) + (", ..." if len(missing) > _SHOWN else "")
        raise DataError(
            f"{len(missing)} of {count} images have no embedding, as there is no {shown}: add these files, or leave "
            "--dataset.embeddings out"
        )
    # A condition uses one vector for each image.
    many = f"up to {most} embeddings of {averaged} images are averaged to one each"
    return torch.from_numpy(vectors), [many] if averaged else []


# Errors of numpy.load for broken files: its own, and those of Python's parser, which reads the headers.
_BROKEN = (
    *(OSError, ValueError, EOFError, zipfile.BadZipFile, MemoryError),
    *(ArithmeticError, RuntimeError, SyntaxError, TypeError, tokenize.TokenError),
)


def _read(path: Path) -> NDArray[Any]:
    """The vectors of one image, shape (K, dim)."""
    try:
        array = np.load(path, allow_pickle=False)
    except FileNotFoundError:
        raise
    except _BROKEN as error:
        reason = "it holds Python objects" if "Object arrays" in str(error) else " ".join(str(error).split())
        raise DataError(f"{path} cannot be read ({reason}): write it anew by numpy.save(path, numbers)") from error
    if not isinstance(array, np.ndarray):
        raise DataError(f"{path} is a .npz file: write one array into it, by numpy.save(path, numbers)")
    if array.dtype.kind not in "fiu" or array.ndim not in (1, 2) or not array.size:
        raise DataError(
            f"{path} is {array.dtype} of shape {array.shape}, but an image's embeddings must be numbers of shape "
            "(dim,) or (K, dim)"
        )
    if not np.isfinite(array).all() or np.abs(array).max() > np.finfo(np.float32).max:
        raise DataError(f"{path} has values that are infinite, too large or not a number: make it anew")
    return np.atleast_2d(array)
