"""Which images an evaluation looks at, and how many at a time."""

from collections.abc import Iterator

import torch
from torch import Tensor

from priorkit.engine import seed_for
from priorkit.interfaces import ImageSet

__all__ = ["binarised", "chunk_size", "chunks", "spaced"]

_PIXELS = 500 * 32 * 32
"""Pixels that are computed at a time, in each channel: the networks' activations take many times their memory."""


def chunk_size(size: int) -> int:
    """How many images of a height and width in pixels are computed at a time."""
    return min(500, max(8, _PIXELS // size**2))


def spaced(images: ImageSet, number: int) -> Tensor:
    """The indices of `number` images, evenly spaced over the set, or all where there are fewer: int64."""
    number = min(number, len(images))
    return torch.arange(number) * len(images) // max(number, 1)


def binarised(images: Tensor, how: str, seed: int, start: int) -> Tensor:
    """uint8 images (N, C, H, W) in black and white (0 and 255), or as they are.

    Args:
        images: Some of a sequence of images.
        how: `none`; `threshold`, white from 128 on; or `stochastic`, white with probability x / 255.
        seed: Of what is drawn; the same seed always gives the same pixels of the same chunks.
        start: The place of the first of these images in the sequence.
    """
    match how:
        case "threshold":
            white = images >= 128
        case "stochastic":
            generator = torch.Generator().manual_seed(seed_for(seed, "binarise", start))
            # 255 possible thresholds: 0 is never white, and 255 always.
            white = images > torch.randint(0, 255, images.shape, generator=generator, dtype=torch.uint8)
        case _:
            return images
    return white.to(torch.uint8) * 255


def chunks(images: ImageSet, indices: Tensor, *, binarise: str = "none", seed: int = 0) -> Iterator[Tensor]:
    """Images by their indices, so many at a time as can be computed together: uint8 (n, C, H, W), on the CPU."""
    size = chunk_size(images.shape[-1])
    for start in range(0, len(indices), size):
        yield binarised(images.take(indices[start : start + size]), binarise, seed, start)
