"""Data sets of items, such as torch's and Hugging Face's: `data[i]` is an image, perhaps with a label or texts."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from priorkit.errors import DataError
from priorkit.given.pixels import PixelRange, Pixels, as_image
from priorkit.interfaces import StoredImages

__all__ = ["ItemImages", "Items"]

_KEYS = {
    "image": ("image", "images", "img", "pixel_values", "x"),
    "label": ("label", "labels", "target", "class", "fine_label", "y"),
    "caption": ("captions", "caption", "text", "texts"),
    "embedding": ("embedding", "embeddings"),
}
"""Accepted keys of items that are dicts, for each column."""
_READ_TWICE = 16
"""Number of items to read twice, to notice items that change."""
_LOOKED_AT = 64
"""Number of items to read to find the range of pixel values."""


class Items:
    """A data set whose items are images, pairs (image, label) or dicts.

    Args:
        data: The data set, with a length and indexing, `data[i]`.
        what: The data set's name in messages.
    """

    def __init__(self, data: Any, what: str) -> None:
        self.data = data
        self.what = what
        first = self._item(0)
        self.keys = self._keys(first) if isinstance(first, Mapping) else None
        self.shape = self.pixels(0).shape
        for index in {number * (len(data) - 1) // (_READ_TWICE - 1) for number in range(_READ_TWICE)}:
            if torch.equal(self.pixels(index).values, self.pixels(index).values):
                continue
            raise DataError(
                f"{what}[{index}] is a different image each time that it is read, as with a random transform; give "
                "the data set without the transform, and the transform as transform="
            )

    def __len__(self) -> int:
        return len(self.data)

    def pixels(self, index: int) -> Pixels:
        """Returns an image as a batch of one.

        Raises:
            DataError: The item cannot be read, is not an image, or has another shape than the first.
        """
        found = as_image(self._parts(index)["image"], f"{self.what}[{index}]")
        if index and found.shape != self.shape:
            raise DataError(
                f"{self.what}[{index}] has the shape {found.shape} (channels, height, width), but {self.what}[0] "
                f"{self.shape}; bring all images to one shape, such as by a transform of the data set"
            )
        return found

    def some(self) -> Pixels:
        """Returns images from all over the data set, to find the range of pixel values."""
        number = min(_LOOKED_AT, len(self))
        return Pixels(
            torch.cat([self.pixels(index * len(self) // number).values for index in range(number)]), self.what
        )

    def columns(self) -> tuple[Any, Any, Any, Sequence[str]]:
        """Returns labels, captions and embeddings, None for those that items lack, and the names of classes, if known.

        Raises:
            DataError: An item cannot be read.
        """
        names: list[str] = [name for name in ("label", "caption", "embedding") if name in self._parts(0)]
        found = {name: column for name in names if (column := self._own_column(name)) is not None}
        others: dict[str, list[Any]] = {name: [] for name in names if name not in found}
        # Each item is read once for all columns, and its image is not kept.
        for index in range(len(self)) if others else ():
            parts = self._parts(index)
            for name, values in others.items():
                values.append(self._plain(parts[name]))
        found |= others
        return found.get("label"), found.get("caption"), found.get("embedding"), self._class_names()

    def _own_column(self, name: str) -> list[Any] | None:
        """Returns a column of a data set that has columns, without reading its images; None for other data sets."""
        if self.keys is not None and hasattr(self.data, "column_names") and self.keys[name] in self.data.column_names:
            return list(self.data[self.keys[name]])
        return None

    @staticmethod
    def _plain(value: Any) -> Any:
        return value.item() if isinstance(value, Tensor) and value.ndim == 0 else value

    def _class_names(self) -> Sequence[str]:
        features = getattr(self.data, "features", None)
        if self.keys is not None and isinstance(features, Mapping) and "label" in self.keys:
            names = getattr(features.get(self.keys["label"]), "names", None)
            if names:
                return tuple(map(str, names))
        names = getattr(self.data, "classes", None)
        return tuple(map(str, names)) if isinstance(names, list | tuple) else ()

    def _parts(self, index: int) -> dict[str, Any]:
        item = self._item(index)
        if self.keys is not None:
            missing = [key for key in self.keys.values() if not isinstance(item, Mapping) or key not in item]
            if missing:
                raise DataError(f"{self.what}[{index}] has no {missing[0]!r}, but {self.what}[0] has; mend the item")
            return {name: item[key] for name, key in self.keys.items()}
        if isinstance(item, tuple | list) and item:
            return {"image": item[0], **({"label": item[1]} if len(item) > 1 else {})}
        return {"image": item}

    def _keys(self, item: Mapping[str, Any]) -> dict[str, str]:
        found = {name: next((key for key in keys if key in item), None) for name, keys in _KEYS.items()}
        if found["image"] is None:
            raise DataError(
                f"{self.what}[0] is a dict with {', '.join(map(repr, item))}, but an image is expected under one of "
                f"{', '.join(map(repr, _KEYS['image']))}; rename the column"
            )
        return {name: key for name, key in found.items() if key is not None and item[key] is not None}

    def _item(self, index: int) -> Any:
        try:
            return self.data[index]
        except Exception as error:
            message = " ".join(str(error).split())
            raise DataError(
                f"{self.what}[{index}] cannot be read: {type(error).__name__}{f': {message}' if message else ''}"
            ) from error


class ItemImages(StoredImages):
    """Images of a data set of items that does not fit into memory: each is read again when it is needed.

    Args:
        items: The data set.
        chosen: Indices of the chosen items, int64 (n,).
        pixel_range: The range of pixel values.
    """

    def __init__(self, items: Items, chosen: Tensor, pixel_range: PixelRange) -> None:
        self.items = items
        self.chosen = chosen
        self.pixel_range = pixel_range
        self._fingerprint: str | None = None

    @property
    def shape(self) -> tuple[int, int, int]:
        """The shape (C, H, W) of every image."""
        return self.items.shape

    def __len__(self) -> int:
        return len(self.chosen)

    def read(self, indices: Tensor) -> Tensor:
        """Reads images by their indices among the chosen items: uint8 (n, C, H, W).

        Raises:
            DataError: An item cannot be read.
        """
        chosen = self.chosen[indices].tolist()
        return torch.cat([self.items.pixels(index).as_bytes(self.pixel_range) for index in chosen])

    def fingerprint(self) -> str:
        """Returns a digest of all images, which must be read, because items cannot be identified otherwise."""
        if self._fingerprint is None:
            digest = hashlib.blake2b(digest_size=16)
            for index in range(len(self)):
                digest.update(self.read(torch.tensor([index])).numpy().data)
            self._fingerprint = digest.hexdigest()
        return self._fingerprint
