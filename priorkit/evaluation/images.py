"""Chooses the images of an evaluation, and reads and decodes them in chunks."""

from collections.abc import Iterator

import torch
from torch import Tensor

from priorkit.data import binarised, to_uint8
from priorkit.interfaces import ImageSet
from priorkit.models import Model

__all__ = ["chunk_size", "chunks", "decoded", "spaced"]

_PIXELS = 500 * 32 * 32
"""Number of pixels in a chunk, for each channel: the networks' activations take many times the memory of pixels."""


def chunk_size(size: int) -> int:
    """Number of images in a chunk, for images of this height and width in pixels."""
    return min(500, max(8, _PIXELS // size**2))


def spaced(images: ImageSet, number: int) -> Tensor:
    """The indices of `number` images, evenly spaced over the set, or of all images if there are fewer: int64."""
    number = min(number, len(images))
    return torch.arange(number) * len(images) // max(number, 1)


def chunks(images: ImageSet, indices: Tensor, *, binarise: str = "none", seed: int = 0) -> Iterator[Tensor]:
    """Reads images by their indices in chunks, which can be computed at once: uint8 (n, C, H, W), on the CPU."""
    size = chunk_size(images.shape[-1])
    for start in range(0, len(indices), size):
        yield binarised(images.take(indices[start : start + size]), binarise, seed, start)


def decoded(model: Model, codes: Tensor) -> Iterator[Tensor]:
    """Decodes the prior's codes in chunks: uint8 (n, C, H, W), on the CPU.

    All images at once would take too much memory as float32.
    """
    for part in torch.split(codes, chunk_size(model.shape.size)):
        yield to_uint8(model.decode(part, from_prior=True)).cpu()
