"""Which images an evaluation looks at, and how many at a time."""

from collections.abc import Iterator

import torch
from torch import Tensor

from priorkit.data import binarised, to_uint8
from priorkit.interfaces import ImageSet
from priorkit.models import Model

__all__ = ["chunk_size", "chunks", "decoded", "spaced"]

_PIXELS = 500 * 32 * 32
"""Pixels that are computed at a time, in each channel: the networks' activations take many times their memory."""


def chunk_size(size: int) -> int:
    """How many images of a height and width in pixels are computed at a time."""
    return min(500, max(8, _PIXELS // size**2))


def spaced(images: ImageSet, number: int) -> Tensor:
    """The indices of `number` images, evenly spaced over the set, or all where there are fewer: int64."""
    number = min(number, len(images))
    return torch.arange(number) * len(images) // max(number, 1)


def chunks(images: ImageSet, indices: Tensor, *, binarise: str = "none", seed: int = 0) -> Iterator[Tensor]:
    """Images by their indices, so many at a time as can be computed together: uint8 (n, C, H, W), on the CPU."""
    size = chunk_size(images.shape[-1])
    for start in range(0, len(indices), size):
        yield binarised(images.take(indices[start : start + size]), binarise, seed, start)


def decoded(model: Model, codes: Tensor) -> Iterator[Tensor]:
    """Samples of codes of the prior, a chunk at a time: uint8 (n, C, H, W), on the CPU.

    All of them as float32 images would take too much memory.
    """
    for part in torch.split(codes, chunk_size(model.shape.size)):
        yield to_uint8(model.decode(part, from_prior=True)).cpu()
