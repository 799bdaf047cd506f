"""Converts labels from Python code to class indices and names."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from priorkit.errors import DataError

__all__ = ["class_indices"]


def class_indices(parts: Sequence[Any], names: Sequence[str], what: str) -> tuple[list[Tensor], tuple[str, ...]]:
    """Converts labels to class indices.

    Labels that index `names` stay unchanged. Other labels are numbered from 0 in ascending order, and serve as the
    names of their classes.

    Args:
        parts: The labels of each set of images, in one dimension: whole numbers or texts.
        names: The names of the classes; empty if unknown.
        what: The labels' name in messages.

    Returns:
        The indices of each set, int64 (N,); and the names of the classes in order.

    Raises:
        DataError: Labels are neither whole numbers nor texts, are below 0, or do not index the names.
    """
    arrays = [_array(part, what) for part in parts]
    if len({array.dtype.kind == "U" for array in arrays}) > 1:
        raise DataError(f"{what}: data and test_data have labels of different kinds, numbers and texts; use one kind")
    together = np.concatenate(arrays)
    if not len(together):
        raise DataError(f"{what}: there are none; leave them out")
    numbers = together.dtype.kind in "iub"
    if numbers and int(together.min()) < 0:
        raise DataError(
            f"{what}: labels below 0 usually mean a missing label, and one is {int(together.min())}; leave out these "
            "images, or all labels"
        )
    if names and numbers:
        if int(together.max()) >= len(names):
            raise DataError(f"{what}: there are {len(names)} class names, but a label is {int(together.max())}")
        found = together.astype(np.int64)
    else:
        values, found = np.unique(together, return_inverse=True)
        unknown = sorted(set(values.tolist()) - set(names)) if names else []
        if unknown:
            raise DataError(f"{what}: {unknown[0]!r} is not among the class names, {', '.join(names)}")
        if names:
            found = np.array([list(names).index(value) for value in values.tolist()])[found]
        names = names or [str(value) for value in values.tolist()]
    indices = torch.from_numpy(found.reshape(-1).astype(np.int64))
    return list(torch.split(indices, [len(array) for array in arrays])), tuple(names)


def _array(labels: Any, what: str) -> np.ndarray[Any, Any]:
    array = np.asarray(labels.detach().cpu() if isinstance(labels, Tensor) else labels)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.dtype.kind == "O" and all(isinstance(value, str) for value in array.ravel()):
        array = array.astype(str)
    if array.ndim != 1 or array.dtype.kind not in "iubU":
        mend = "; give class indices, as by argmax(1)" if array.ndim == 2 else "; give whole numbers or texts"
        raise DataError(
            f"{what}: labels must be whole numbers or texts (N,), not {array.dtype} of shape {array.shape}" + mend
        )
    return array
