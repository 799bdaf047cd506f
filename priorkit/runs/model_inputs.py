"""What users give a trained model: images and codes, checked."""

import torch
from torch import Tensor

from priorkit.interfaces import CodeKind, CodeSpace, ImageShape

__all__ = ["checked_codes", "checked_images"]

_FARTHEST = 1.01
"""How far from 0 images may be: rounding may lead a little out of [-1, 1]."""


def checked_images(images: Tensor, shape: ImageShape) -> Tensor:
    """Images (N, C, H, W) in [-1, 1], as float32.

    Raises:
        ValueError: They have another shape, are integers, or have values outside [-1, 1] or that are not a number.
    """
    expected = (shape.channels, shape.size, shape.size)
    if not images.is_floating_point():
        raise ValueError(f"images must be floating-point numbers in [-1, 1], not {images.dtype}")
    if tuple(images.shape[1:]) != expected:
        raise ValueError(
            f"images must have the shape (N, {', '.join(map(str, expected))}) that this run was trained on, not "
            f"{tuple(images.shape)}"
        )
    if images.numel():
        low, high = (float(value) for value in images.aminmax())
        # What is not a number makes both comparisons fail.
        if not (low >= -_FARTHEST and high <= _FARTHEST):
            raise ValueError(
                f"images must be in [-1, 1], and these are from {low:g} to {high:g}: bring 0 to 255 there by "
                "x / 127.5 - 1, and 0 to 1 by 2 * x - 1; clamp what lies a little outside"
            )
    return images.float()


def checked_codes(codes: Tensor, space: CodeSpace) -> Tensor:
    """Codes of a space, flat or not, flattened: float32 (N, D), or int64 indices.

    Raises:
        ValueError: They have another shape, are no finite numbers, or no indices of the codebook's entries.
    """
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
            raise ValueError("codes must be finite numbers, and some of these are infinite or not a number")
    return codes.flatten(1)
