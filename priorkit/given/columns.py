"""Converts data from Python code, in any form, to columns: images, labels, captions and embeddings."""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset

from priorkit.errors import DataError
from priorkit.given.items import Items
from priorkit.given.pixels import Pixels, as_batch

__all__ = ["Columns", "columns_of", "described", "parts_of"]

_BESIDE = ("labels", "captions", "embeddings", "class_names")
_HELD_OUT = ("test", "validation", "valid", "val")
_FORMS = (
    "an array or a tensor of images, a pair (images, labels), a dict of arrays with the key 'images', a torch data "
    "set or a Hugging Face data set"
)


@dataclass(frozen=True)
class Columns:
    """Images with their labels, captions and embeddings; None for columns that the data lacks.

    Attributes:
        images: All images, or items that are read one by one.
        labels: Whole numbers or texts (N,).
        captions: One text, or several, for each image.
        embeddings: Numbers (N, dimensions).
        class_names: The names of the classes; empty if unknown.
    """

    images: Pixels | Items
    labels: Any = None
    captions: Any = None
    embeddings: Any = None
    class_names: Sequence[str] = ()


def parts_of(data: Any, test_data: Any) -> tuple[Any, Any]:
    """Splits given data into training and held-out data, which one dict may hold: `train` and `test`, or `test_images`.

    Raises:
        DataError: Held-out data is given twice.
    """
    if not isinstance(data, Mapping):
        return data, test_data
    together: Any = None
    if "train" in data:
        name = next((name for name in _HELD_OUT if name in data), None)
        data, together = data["train"], None if name is None else data[name]
    elif any(isinstance(key, str) and key.startswith("test_") for key in data):
        inside = {key.removeprefix("test_"): value for key, value in data.items() if key.startswith("test_")}
        data = {key: value for key, value in data.items() if not key.startswith("test_")}
        together = {**inside, **({"class_names": data["class_names"]} if "class_names" in data else {})}
    if together is not None and test_data is not None:
        raise DataError("data has its own held-out part, but test_data is given too; give one of them")
    return data, together if test_data is None else test_data


def columns_of(data: Any, what: str) -> Columns:
    """Returns the columns of data.

    Args:
        data: An array or a tensor of images; a pair of images and labels; a dict of arrays; or a data set of items.
        what: The data's name in messages: `data`.

    Raises:
        DataError: The data has none of these forms, or is incomplete.
    """
    if isinstance(data, DataLoader):
        raise DataError(f"{what} is a DataLoader, but priorkit makes its own batches; give its data set, .dataset")
    if isinstance(data, IterableDataset) or (isinstance(data, Iterable) and not hasattr(data, "__len__")):
        raise DataError(f"{what}: a {type(data).__name__} can only be read once; give a data set with a length")
    if isinstance(data, Mapping):
        return _of_mapping(data, what)
    if isinstance(data, tuple) and len(data) == 2 and (_is_array(data[0]) or isinstance(data[0], list)):
        return dataclasses.replace(columns_of(data[0], what), labels=data[1])
    if _is_array(data):
        return Columns(as_batch(data, what))
    if not (hasattr(data, "__len__") and hasattr(data, "__getitem__")) or isinstance(data, str | bytes):
        hint = "; to read files, use dataset='folder' or 'npz' with data_dir" if isinstance(data, str) else ""
        raise DataError(f"{what}: expected {_FORMS}, not {type(data).__name__}{hint}")
    if not len(data):
        raise DataError(f"{what} is empty; give at least two images")
    if isinstance(data, list) and _is_array(data[0]) and len({np.shape(image) for image in data}) == 1:
        stacked = torch.stack(data) if isinstance(data[0], Tensor) else np.stack(data)
        return Columns(as_batch(stacked, what))
    items = Items(data, what)
    return Columns(items, *items.columns())


def _of_mapping(data: Mapping[Any, Any], what: str) -> Columns:
    unknown = [key for key in data if key not in ("images", *_BESIDE)]
    if "images" not in data or unknown:
        found = ", ".join(map(repr, data)) or "nothing"
        raise DataError(
            f"{what}: a dict must have the key 'images', and may have {', '.join(map(repr, _BESIDE))}, and 'test_...' "
            f"for each; this one has {found}"
        )
    images = data["images"]
    if not _is_array(images) and not (isinstance(images, list) and images):
        raise DataError(f"{what}['images']: expected an array or a tensor, not {type(images).__name__}")
    beside = {key: data[key] for key in _BESIDE if data.get(key) is not None}
    return Columns(as_batch(images, f"{what}['images']"), **beside)


def _is_array(value: Any) -> bool:
    # A PIL image has a shape only as an array.
    return isinstance(value, Tensor | np.ndarray) or (hasattr(value, "__array__") and hasattr(value, "shape"))


def described(data: Any) -> str:
    """Describes data in words: `numpy.ndarray uint8 (1797, 16, 16)`."""
    if isinstance(data, tuple) and len(data) == 2:
        return f"({', '.join(described(each) for each in data)})"
    if isinstance(data, Mapping):
        return ", ".join(f"{key}: {described(value)}" for key, value in data.items())
    kind = f"{type(data).__module__.partition('.')[0]}.{type(data).__name__}"
    if _is_array(data):
        return f"{kind} {str(data.dtype).removeprefix('torch.')} {tuple(data.shape)}"
    return f"{kind} of {len(data)}" if hasattr(data, "__len__") else kind
