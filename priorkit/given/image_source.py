"""The data set of images from Python code."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from priorkit.errors import DataError
from priorkit.given.columns import Columns, columns_of, parts_of
from priorkit.given.items import ItemImages, Items
from priorkit.given.labels import class_indices
from priorkit.given.pixels import PixelRange, Pixels, common_range
from priorkit.interfaces import Captions, DataSource, ImageData, ImageSet
from priorkit.plugins import DataContext, held_out, image_bytes

__all__ = ["GivenSource"]


class GivenSource(DataSource):
    """Images from Python code, with their labels, captions and embeddings.

    Args:
        data: Training images, in any of the forms of `priorkit.train(data=...)`.
        test_data: Held-out images, in the same forms; if None, some of `data` are held out.
        transform: Random augmentation of training images, from uint8 (C, H, W) to the same shape; or None.
        context: The share of held-out images, its seed, and the memory that images may take.
    """

    reads_data_dir = False

    def __init__(
        self, data: Any, test_data: Any, transform: Callable[[Tensor], Tensor] | None, context: DataContext
    ) -> None:
        self.data = data
        self.test_data = test_data
        self.transform = transform
        self.context = context

    def load(self) -> ImageData:
        """Converts the images to bytes; reads every item of a data set of items.

        Raises:
            DataError: The data is not images, or labels, captions or embeddings do not fit the images.
        """
        if isinstance(self.data, ImageData):
            if self.test_data is not None:
                raise DataError("data is an ImageData, which includes held-out images; leave test_data out")
            return dataclasses.replace(self.data, transform=self.transform or self.data.transform)
        train, test = parts_of(self.data, self.test_data)
        names = ["data", "test_data"] if test is not None else ["data"]
        parts = [columns_of(part, name) for part, name in zip((train, test), names, strict=False)]
        sets, class_names = _image_sets(parts, self.context)
        notes = []
        if len(sets) == 1:
            (whole,) = sets
            if len(whole) < 2:
                raise DataError("data has one image, but one to train on and one to hold out are needed; add images")
            chosen = held_out(len(whole), self.context.holdout, self.context.seed, whole.labels)
            notes.append(f"{len(chosen[1])} of {len(whole)} images are held out")
            sets = [_taken(whole, indices) for indices in chosen]
        elif sets[0].shape != sets[1].shape:
            raise DataError(
                f"data has images of shape {sets[0].shape} (channels, height, width), but test_data of "
                f"{sets[1].shape}; bring them to one shape"
            )
        return ImageData(sets[0], sets[1], class_names, tuple(notes), self.transform)


def _image_sets(parts: Sequence[Columns], context: DataContext) -> tuple[list[ImageSet], tuple[str, ...]]:
    """Returns the images of each part, and the names of their classes."""
    for name in ("labels", "captions", "embeddings"):
        if len({getattr(part, name) is None for part in parts}) > 1:
            raise DataError(f"only one of data and test_data has {name}; give them for both, or for none")
    first = parts[0]
    ranges = _pixel_ranges([part.images for part in parts])
    names = {tuple(part.class_names) for part in parts if part.class_names}
    if len(names) > 1:
        raise DataError(
            "data and test_data have other class names, so their labels mean other classes; give labels as texts, or "
            "the same class names"
        )
    if first.labels is not None:
        labels, class_names = class_indices([part.labels for part in parts], next(iter(names), ()), "labels")
    else:
        labels, class_names = [], ()
    sets = []
    for index, part in enumerate(parts):
        images = _images(part.images, ranges[index], context)
        if labels and len(labels[index]) != len(images):
            raise DataError(f"there are {len(images)} images but {len(labels[index])} labels; give one for each image")
        captions = None if part.captions is None else _captions(part.captions, len(images))
        embeddings = None if part.embeddings is None else _vectors(part.embeddings, len(images))
        sets.append(ImageSet(images, labels[index] if labels else None, None, embeddings, captions))
    return sets, class_names


def _pixel_ranges(parts: Sequence[Pixels | Items]) -> list[PixelRange]:
    """Returns the range of each part's pixel values."""
    looked_at = [part.some() if isinstance(part, Items) else part for part in parts]
    others = [part for part in looked_at if not part.is_bytes]
    common = common_range(others) if others else PixelRange.BYTES
    return [PixelRange.BYTES if part.is_bytes else common for part in looked_at]


def _images(images: Pixels | Items, pixel_range: PixelRange, context: DataContext) -> Tensor | ItemImages:
    if isinstance(images, Pixels):
        return images.as_bytes(pixel_range)
    stored = ItemImages(images, torch.arange(len(images)), pixel_range)
    if image_bytes(len(images), images.shape, context.image_size, context.channels) > context.memory:
        return stored
    pixels = torch.empty(len(images), *images.shape, dtype=torch.uint8)
    for index in range(len(images)):
        pixels[index] = stored.read(torch.tensor([index]))[0]
    return pixels


def _taken(images: ImageSet, indices: Tensor) -> ImageSet:
    """Takes some images of a set, with their labels, captions and embeddings."""
    pixels = images.images
    if isinstance(pixels, ItemImages):
        chosen: Tensor | ItemImages = ItemImages(pixels.items, pixels.chosen[indices], pixels.pixel_range)
    else:
        chosen = images.take(indices)
    return ImageSet(
        chosen,
        None if images.labels is None else images.labels[indices],
        None,
        None if images.embeddings is None else images.embeddings[indices],
        None if images.captions is None else images.captions.take(indices),
    )


def _captions(captions: Any, count: int) -> Captions:
    if isinstance(captions, Captions):
        return captions
    if isinstance(captions, np.ndarray):
        captions = captions.tolist()
    try:
        found = Captions([[texts] if isinstance(texts, str) else texts for texts in captions])
    except (TypeError, ValueError) as error:
        raise DataError(f"captions: {error}") from None
    if len(found) != count:
        raise DataError(f"there are {count} images but captions of {len(found)}; give each image at least one")
    return found


def _vectors(embeddings: Any, count: int) -> Tensor:
    try:
        if not isinstance(embeddings, Tensor):
            embeddings = torch.from_numpy(np.asarray(embeddings, dtype=np.float32))
        vectors: Tensor = embeddings.detach().cpu().float()
    except (TypeError, ValueError) as error:
        raise DataError(f"embeddings cannot be converted to one array: {' '.join(str(error).split())}") from None
    if vectors.ndim != 2 or len(vectors) != count:
        raise DataError(f"embeddings must have the shape ({count}, dimensions), not {tuple(vectors.shape)}")
    return vectors
