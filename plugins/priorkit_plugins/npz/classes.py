"""Turns labels into class indices."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from priorkit.errors import DataError

__all__ = ["class_indices"]

Array = NDArray[Any]


def class_indices(labels: Array, names: Array | None, path: Path) -> tuple[NDArray[np.int64], list[str], list[str]]:
    """Numbers the classes from 0 without gaps.

    Labels that index `names` stay as they are. Others are numbered in ascending order, so that [3, 9, 7] becomes
    [0, 2, 1], and so are their names: `names`, or else the labels themselves.

    Args:
        labels: Integers, shape (N,).
        names: Names of the classes, shape (K,), or None.
        path: The file, for messages.

    Returns:
        The class indices, shape (N,); the names of the classes, in their order; and notes.

    Raises:
        DataError: The names are not a list of one name for each class; or labels are below 0 and have no names.
    """
    values, indices = np.unique(labels, return_inverse=True)
    if names is None:
        class_names = [str(value) for value in values]
    else:
        class_names = _texts(names, path)
        if values[0] >= 0 and values[-1] < len(class_names):
            return labels.astype(np.int64), class_names, []
        if len(values) != len(class_names):
            raise DataError(
                f"'class_names' in {path} has {len(class_names)} names, but the labels have {len(values)} values from "
                f"{values[0]} to {values[-1]}: give one name for each class, or labels that index the names"
            )
    if values[0] < 0 and names is None:
        raise DataError(
            f"labels in {path} go down to {values[0]} ({int((labels == values[0]).sum())} images), and labels below 0 "
            "usually mean that an image has none: leave these images out, leave out the labels, or name every class in "
            "'class_names'"
        )
    contiguous = values[0] == 0 and values[-1] == len(values) - 1
    notes = [] if contiguous else [f"labels from {values[0]} to {values[-1]} are numbered from 0 to {len(values) - 1}"]
    return indices.astype(np.int64), class_names, notes


def _texts(names: Array, path: Path) -> list[str]:
    if names.ndim != 1 or names.dtype.kind not in "USiu":
        raise DataError(
            f"'class_names' in {path} is {names.dtype} of shape {names.shape}, but must be a list of names: save "
            "numpy.array(names, dtype=str)"
        )
    return [name.decode("utf-8", "replace") if isinstance(name, bytes) else str(name) for name in names.tolist()]
