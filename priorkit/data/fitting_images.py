"""Brings images to the sizes and channels that networks support."""

import dataclasses
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from priorkit.errors import ConfigurationError, DataError
from priorkit.interfaces import ImageData, ImageSet, ImageShape, StoredImages
from priorkit.plugins import IMAGE_SIZES, fitted_size

__all__ = ["IMAGE_SIZES", "Preparation", "PreparedData", "check_image_size", "fit_alike", "fit_images"]

# Weights of red, green and blue in the luma of ITU-R BT.601.
_LUMA = (0.299, 0.587, 0.114)
_LOOKED_AT = 1024
"""Number of training images whose edges are searched for a background."""
# Number of values processed at a time: 16 MiB as float32.
_CHUNK = 2**22


class Preparation(NamedTuple):
    """How the images of a data set were brought to one shape; other images can be prepared in the same way.

    Attributes:
        given: The original shape (C, H, W).
        background: The colour of the padding, one value for each of the original channels; None without padding.
    """

    given: tuple[int, int, int]
    background: tuple[int, ...] | None


@dataclasses.dataclass(frozen=True)
class PreparedData(ImageData):
    """Images that have been brought to one shape, with the preparation.

    Attributes:
        preparation: How the images were brought to this shape.
    """

    preparation: Preparation | None = None


class _Change(NamedTuple):
    """The changes to every image, in this order; `size == side` and the same channels change nothing."""

    side: int
    """Side of the central square to which images are cropped, in pixels."""
    size: int
    """Side of the result, in pixels."""
    channels: int
    """Channels of the result."""
    background: Tensor | None
    """Colour to pad with, uint8 of shape (C,); None to resize."""


def check_image_size(image_size: int) -> None:
    """Checks a requested image size in pixels.

    Raises:
        ConfigurationError: The size is not one of `IMAGE_SIZES`; the message suggests the nearest.
    """
    if image_size not in IMAGE_SIZES:
        nearest = min(IMAGE_SIZES, key=lambda size: abs(size - image_size))
        raise ConfigurationError(
            f"images can be {', '.join(map(str, IMAGE_SIZES))} pixels wide, not {image_size}: "
            f"the nearest is --image-size {nearest}"
        )


def fit_images(data: ImageData, image_size: int | None = None, channels: int | None = None) -> PreparedData:
    """Brings images to a square whose side is a power of two from 16 to 128, and to 1 or 3 channels.

    Images that are not square are cropped to their central square. A smaller square is centred and padded if each
    border is at most an eighth of the new side, and if there is a background: in each channel, more than half of the
    pixels along the edges of the training images (of 1024 evenly spaced images, if there are more) have the same value.
    Thus MNIST is padded with black from 28x28 to 32x32. All other images are resized (bicubic, antialiased). Colour
    becomes grey as the luma of ITU-R BT.601; grey becomes colour by repetition.

    Images in memory are changed a few at a time, which needs little memory besides the result. Stored images stay on
    disk; each is changed in the same way, bit for bit, when it is read.

    Args:
        data: The images; held-out images are changed in the same way as training images.
        image_size: Side of the result in pixels; by default the smallest possible that is not below the images' shorter
            side, at most 128.
        channels: 1 for grey or 3 for RGB; by default unchanged.

    Returns:
        The images with their preparation, and a note for each change.

    Raises:
        ConfigurationError: `image_size` or `channels` is not one of the possible values.
        DataError: Held-out and training images have different shapes; or a stored image cannot be read.
    """
    if image_size is not None:
        check_image_size(image_size)
    if channels not in (None, 1, 3):
        raise ConfigurationError(
            f"images can have 1 channel (grey) or 3 (RGB), not {channels}: choose --channels 1 or 3"
        )
    if data.train.shape != data.test.shape:
        raise DataError(
            f"training images have the shape {data.train.shape} (channels, height, width), but held-out images "
            f"{data.test.shape}: the data set must bring them to one shape"
        )
    given, height, width = data.train.shape
    side = min(height, width)
    size = fitted_size(side, image_size)
    padded = 0 < size - side <= size // 4
    background = _background(_central_square(data.train.spread(_LOOKED_AT), side)) if padded else None
    change = _Change(side, size, channels or given, background)
    notes = _notes(change, given, height, width)
    colour = None if background is None else tuple(background.tolist())
    return PreparedData(
        train=_fitted(data.train, change) if notes else data.train,
        test=_fitted(data.test, change) if notes else data.test,
        class_names=data.class_names,
        notes=(*data.notes, *notes),
        transform=data.transform,
        chosen=data.chosen,
        preparation=Preparation((given, height, width), colour),
    )


def fit_alike(images: Tensor, preparation: Preparation, shape: ImageShape) -> Tensor:
    """Prepares images in the same way, bit for bit, as the images of a data set.

    Args:
        images: uint8, shape (N, C, H, W), in the original shape of the data set, or its central square.
        preparation: The preparation of the data set's images.
        shape: The shape of the result.

    Returns:
        uint8, shape (N, C, size, size).
    """
    background = preparation.background
    colour = None if background is None else torch.tensor(background, dtype=torch.uint8)
    return _changed(images, _Change(min(preparation.given[1:]), shape.size, shape.channels, colour))


def _fitted(images: ImageSet, change: _Change) -> ImageSet:
    pixels = images.images
    changed = _changed(pixels, change) if isinstance(pixels, Tensor) else _FittedImages(pixels, change)
    return dataclasses.replace(images, images=changed)


class _FittedImages(StoredImages):
    """Stored images that are changed when they are read."""

    def __init__(self, stored: StoredImages, change: _Change) -> None:
        self.stored = stored
        self.change = change

    @property
    def shape(self) -> tuple[int, int, int]:
        return self.change.channels, self.change.size, self.change.size

    def __len__(self) -> int:
        return len(self.stored)

    def read(self, indices: Tensor) -> Tensor:
        return _changed(self.stored.read(indices), self.change)

    def fingerprint(self) -> str:
        # The change follows from the run's settings and the images, so it need not be part of the fingerprint.
        return self.stored.fingerprint()


def _central_square(images: Tensor, side: int) -> Tensor:
    top, left = (images.shape[2] - side) // 2, (images.shape[3] - side) // 2
    return images[:, :, top : top + side, left : left + side]


def _background(images: Tensor) -> Tensor | None:
    """The value of more than half of the pixels along the edges, uint8 of shape (C,); None if there is none."""
    edges = torch.cat([images[:, :, 0], images[:, :, -1], images[:, :, 1:-1, 0], images[:, :, 1:-1, -1]], dim=2)
    values = []
    for channel in edges.unbind(1):
        count, value = torch.bincount(channel.flatten(), minlength=256).max(0)
        if 2 * int(count) <= channel.numel():
            return None
        values.append(value)
    return torch.stack(values).to(torch.uint8)


def _notes(change: _Change, channels: int, height: int, width: int) -> list[str]:
    side, size = change.side, change.size
    notes = []
    if height != width:
        notes.append(f"images {width}x{height} (width x height) are cropped to their central square, {side}x{side}")
    if size != side:
        if change.background is None:
            notes.append(f"images {side}x{side} are resized to {size}x{size}")
        else:
            colour = "black" if not change.background.any() else "the colour of their background"
            notes.append(f"images {side}x{side} are padded to {size}x{size} with {colour}")
    if change.channels != channels:
        notes.append("colour images are turned to grey" if change.channels == 1 else "grey images are repeated as RGB")
    return notes


def _changed(images: Tensor, change: _Change) -> Tensor:
    """Applies a change to images (N, C, H, W), a chunk at a time."""
    square = _central_square(images, change.side)
    result = torch.empty(len(images), change.channels, change.size, change.size, dtype=torch.uint8)
    step = max(1, _CHUNK // (3 * max(change.side, change.size) ** 2))
    for start in range(0, len(images), step):
        result[start : start + step] = _changed_chunk(square[start : start + step], change)
    return result


def _changed_chunk(images: Tensor, change: _Change) -> Tensor:
    if change.background is not None:
        images = _padded(images, change.size, change.background)
    values = images
    if change.channels < images.shape[1]:
        # Term by term: the rounding of a sum over a dimension may depend on the number of images.
        red, green, blue = (weight * images[:, channel : channel + 1] for channel, weight in enumerate(_LUMA))
        values = red + green + blue
    if values.shape[-1] != change.size:
        values = functional.interpolate(
            values.float(), size=(change.size, change.size), mode="bicubic", antialias=True, align_corners=False
        )
    # Bicubic interpolation overshoots at edges. `expand` repeats one channel if three are wanted.
    return values.round().clamp(0, 255).to(torch.uint8).expand(-1, change.channels, -1, -1)


def _padded(images: Tensor, size: int, background: Tensor) -> Tensor:
    result = background.view(1, -1, 1, 1).repeat(len(images), 1, size, size)
    start, side = (size - images.shape[-1]) // 2, images.shape[-1]
    result[:, :, start : start + side, start : start + side] = images
    return result
