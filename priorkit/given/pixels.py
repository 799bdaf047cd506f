"""Converts images from Python code, in arrays of any kind, to bytes (N, C, H, W)."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

import numpy as np
import torch
from torch import Tensor

from priorkit.errors import DataError

__all__ = ["PixelRange", "Pixels", "as_batch", "as_image", "common_range"]

_DARKEST = 64
"""If the largest value is below this, numbers of another type than uint8 are hardly 0 to 255: images would be black."""
_SLACK = 0.01
"""Tolerance for floating-point pixels beyond their range, because resizing and rounding overshoot a little."""
_CHUNK = 4096
"""Number of images to convert at a time."""


class PixelRange(Enum):
    """The range of pixel values, from black to white."""

    BYTES = (0.0, 255.0)
    UNIT = (0.0, 1.0)
    SIGNED = (-1.0, 1.0)

    @property
    def words(self) -> str:
        """The range in words: `0 to 255`."""
        return f"{self.value[0]:g} to {self.value[1]:g}"


@dataclass(frozen=True)
class Pixels:
    """Images of one shape, whose values are not converted to bytes yet.

    Attributes:
        values: Shape (N, C, H, W), C being 1 or 3: bytes, or numbers in a range.
        what: The images' name in messages: `data`.
    """

    values: Tensor
    what: str

    @property
    def shape(self) -> tuple[int, int, int]:
        """The shape (C, H, W) of an image."""
        channels, height, width = self.values.shape[1:]
        return channels, height, width

    @property
    def is_bytes(self) -> bool:
        """Whether the dtype alone determines the range: bytes, or black and white."""
        return self.values.dtype in (torch.uint8, torch.bool)

    def extent(self) -> tuple[float, float]:
        """The least and the largest value.

        Raises:
            DataError: A value is not finite.
        """
        low, high = (float(value) for value in self.values.aminmax())
        if not (np.isfinite(low) and np.isfinite(high)):
            place = [int(index) for index in (~self.values.isfinite()).nonzero()[0]]
            raise DataError(
                f"{self.what}: images must be finite, but image {place[0]} has {self.values[tuple(place)].item()}; "
                "leave it out, or mend it"
            )
        return low, high

    def pixel_range(self) -> PixelRange:
        """Returns the range of the values, according to their dtype and extent.

        Raises:
            DataError: The values fit none of the ranges.
        """
        return common_range([self])

    def as_bytes(self, pixel_range: PixelRange) -> Tensor:
        """Converts the images to uint8 (N, C, H, W), contiguous.

        Raises:
            DataError: A value lies outside the range, or is not finite.
        """
        values = self.values
        if values.dtype is torch.uint8:
            return values.contiguous()
        if values.dtype is torch.bool:
            return values.to(torch.uint8).mul_(255)
        low, high = self.extent()
        black, white = pixel_range.value
        slack = _SLACK * (white - black)
        if low < black - slack or high > white + slack:
            raise DataError(
                f"{self.what}: pixels are from {low:g} to {high:g}, but the others from {pixel_range.words}; scale "
                "all images in the same way"
            )
        found = torch.empty(values.shape, dtype=torch.uint8)
        for start in range(0, len(values), _CHUNK):
            part = values[start : start + _CHUNK].to(torch.float32)
            found[start : start + _CHUNK] = ((part - black) * (255 / (white - black))).round_().clamp_(0, 255)
        return found


def common_range(parts: Sequence[Pixels]) -> PixelRange:
    """Returns the common range of several sets of images: sets of one kind of dtype have the same range.

    So held-out images that are darker than the training images do not get a range of their own.

    Args:
        parts: The sets; all of them are bytes, or none.

    Raises:
        DataError: The values fit none of the ranges.
    """
    if parts[0].is_bytes:
        return PixelRange.BYTES
    lows, highs = zip(*(part.extent() for part in parts), strict=True)
    low, high = min(lows), max(highs)
    if parts[0].values.is_floating_point():
        if low >= -_SLACK and high <= 1 + _SLACK:
            return PixelRange.UNIT
        if low >= -1 - _SLACK and high <= 1 + _SLACK:
            return PixelRange.SIGNED
    if low >= 0 and _DARKEST <= high <= 255:
        return PixelRange.BYTES
    dtype = str(parts[0].values.dtype).removeprefix("torch.")
    raise DataError(
        f"{parts[0].what}: pixels are {dtype} from {low:g} to {high:g}, but were "
        "expected to fill 0 to 255, 0 to 1 or -1 to 1; scale them to one of these (dark images must be uint8)"
    )


def as_batch(values: Any, what: str) -> Pixels:
    """Reads images from an array or a tensor: (N, H, W), (N, H, W, C) or (N, C, H, W), C being 1 or 3.

    If the shape fits both of the last two, a tensor has its channels first, and any other array has them last.

    Args:
        values: The images.
        what: The images' name in messages.

    Raises:
        DataError: The images have another shape, or are not numbers.
    """
    tensor = _tensor(values, what)
    if tensor.ndim == 3:
        tensor = tensor[:, None]
    first, last = (tensor.ndim == 4 and tensor.shape[axis] in (1, 3) for axis in (1, 3))
    if 0 in tensor.shape or not (first or last):
        four = tensor.ndim == 4 and 4 in (tensor.shape[1], tensor.shape[3])
        raise DataError(
            f"{what}: images must be an array (N, H, W), (N, H, W, C) or (N, C, H, W), where C is 1 or 3, but this has "
            f"the shape {tuple(_shape(values))}" + ("; leave out the fourth channel, alpha" if four else "; reshape it")
        )
    if last and not (first and isinstance(values, Tensor)):
        tensor = tensor.permute(0, 3, 1, 2)
    return Pixels(tensor, what)


def as_image(value: Any, what: str) -> Pixels:
    """Reads a PIL image, an array or a tensor, (H, W), (H, W, C) or (C, H, W), as a batch of one image.

    Raises:
        DataError: The value is not an image.
    """
    mode = getattr(value, "mode", None)
    if isinstance(mode, str) and hasattr(value, "convert"):
        # PIL's modes with palettes, alpha or other colour spaces are converted to the colours that they show.
        grey = mode in ("1", "L", "LA")
        if mode.startswith("I") or mode == "F":
            raise DataError(f"{what}: an image of mode {mode} has more than 256 shades; convert it to 8 bits first")
        value = np.asarray(value.convert("L" if grey else "RGB"))
    tensor = _tensor(value, what)
    if tensor.ndim not in (2, 3):
        raise DataError(
            f"{what}: an image must have the shape (H, W), (H, W, C) or (C, H, W), but this one has "
            f"{tuple(tensor.shape)}; do its items begin with an image?"
        )
    return as_batch(tensor[None] if isinstance(value, Tensor) else tensor[None].numpy(), what)


def _shape(values: Any) -> tuple[int, ...]:
    return tuple(values.shape) if hasattr(values, "shape") else np.shape(values)


def _tensor(values: Any, what: str) -> Tensor:
    if isinstance(values, Tensor):
        tensor = values.detach().cpu()
        if tensor.is_complex():
            raise DataError(f"{what}: images are complex numbers, but real ones were expected")
        return tensor.float() if tensor.dtype in (torch.bfloat16, torch.float16) else tensor
    try:
        array = np.asarray(values)
    except (TypeError, ValueError) as error:
        raise DataError(
            f"{what} cannot be converted to one array ({' '.join(str(error).split())}); bring all images to one shape"
        ) from None
    if array.dtype.kind not in "fiub":
        raise DataError(
            f"{what}: images must be numbers, but these are {array.dtype} of shape {array.shape}; bring all images to "
            "one shape and dtype"
        )
    # torch supports neither other byte orders, nor all unsigned types, nor negative strides.
    wanted = {"f": np.float32, "i": np.int64, "u": np.int64, "b": np.bool_}[array.dtype.kind]
    array = np.ascontiguousarray(array if array.dtype == np.uint8 else array.astype(wanted))
    return torch.from_numpy(array if array.flags.writeable else array.copy())
