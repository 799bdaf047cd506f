"""Checks of users' inputs to a trained model: images and codes."""

import warnings
from typing import Any

import numpy as np
import torch
from torch import Tensor

from priorkit.data import to_float
from priorkit.errors import DataWarning
from priorkit.given.pixels import as_batch
from priorkit.interfaces import CodeKind, CodeSpace, ImageShape

__all__ = ["checked_codes", "checked_images"]

_FARTHEST = 1.01
"""Largest absolute pixel value: rounding may slightly exceed [-1, 1]."""


def checked_images(images: Any, shape: ImageShape) -> Tensor:
    """Converts images to the model's input: float32 (N, C, H, W) in [-1, 1].

    Args:
        images: A tensor or an array (N, C, H, W), (N, H, W, C) or, of grey images, (N, H, W): uint8 from 0 to 255, or
            floating-point numbers in [-1, 1].
        shape: The shape that they must have.

    Raises:
        ValueError: The shape or dtype is wrong, or values are outside [-1, 1] or not a number.
    """
    expected = (shape.channels, shape.size, shape.size)
    if not isinstance(images, Tensor):
        images = as_batch(images, "images").values
    if shape.channels == 1 and tuple(images.shape[1:]) == expected[1:]:
        images = images[:, None]
    if images.ndim == 4 and tuple(images.shape[1:]) == (*expected[1:], expected[0]) != expected:
        images = images.permute(0, 3, 1, 2)
    if images.dtype != torch.uint8 and not images.is_floating_point():
        raise ValueError(f"images must be uint8, or floating-point numbers in [-1, 1], not {images.dtype}")
    if tuple(images.shape[1:]) != expected:
        raise ValueError(
            f"images must have the shape (N, {', '.join(map(str, expected))}) that this run was trained on, not "
            f"{tuple(images.shape)}"
        )
    if images.dtype == torch.uint8:
        return to_float(images)
    if images.numel():
        low, high = (float(value) for value in images.aminmax())
        # NaN makes both comparisons fail.
        if not (low >= -_FARTHEST and high <= _FARTHEST):
            raise ValueError(
                f"images must be in [-1, 1], but these are from {low:g} to {high:g}: give 0 to 255 as uint8, rescale "
                "0 to 1 by 2 * x - 1, and clamp values that lie a little outside"
            )
        if low >= 0 and high > 0.5:
            warnings.warn(
                f"these images are from {low:g} to {high:g}, which means grey to white, as -1 is black; if 0 is "
                "black, give 2 * x - 1, or bytes as uint8",
                DataWarning,
                stacklevel=4,
            )
    found: Tensor = images.float()
    return found


def checked_codes(codes: Any, space: CodeSpace) -> Tensor:
    """Converts codes (a tensor or an array, flat or not) to flat ones: float32 (N, D), or int64 indices.

    Raises:
        ValueError: They have another shape, are not finite numbers, or are not indices of the codebook.
    """
    if not isinstance(codes, Tensor):
        array = np.asarray(codes)
        if array.dtype.kind not in "fiu":
            raise ValueError(f"codes must be numbers, not {array.dtype}")
        # torch supports neither other byte orders nor all unsigned types.
        codes = torch.from_numpy(array.astype(np.float32 if array.dtype.kind == "f" else np.int64))
    if tuple(codes.shape[1:]) not in (space.shape, (space.dim,)):
        shape = ", ".join(map(str, ("N", *space.shape)))
        raise ValueError(f"codes must have the shape ({shape}), not {tuple(codes.shape)}")
    if space.kind is CodeKind.INDICES and (
        codes.is_floating_point() or (len(codes) and not 0 <= int(codes.min()) <= int(codes.max()) < space.entries)
    ):
        raise ValueError(f"codes must be whole numbers from 0 to {space.entries - 1}: indices of a codebook")
    if codes.is_floating_point():
        codes = codes.to(torch.float32)
        if not bool(codes.isfinite().all()):
            raise ValueError("codes must be finite numbers, but some of these are infinite or not a number")
    flat: Tensor = codes.flatten(1)
    return flat
