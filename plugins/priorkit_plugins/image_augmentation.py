"""Random crops and flips of training images."""

from typing import Literal

import torch
from torch import Tensor

__all__ = ["Augmentation", "augment_images"]

Augmentation = Literal["none", "crop", "crop-flip"]

_MARGIN = 4
"""Largest shift of a crop in pixels, the usual one for CIFAR-10 (He et al. 2016)."""


def augment_images(images: Tensor, augmentation: Augmentation, generator: torch.Generator) -> Tensor:
    """Shifts images by up to 4 pixels in each direction, and mirrors half of them, at random.

    A shifted image is a crop of the image padded by reflection, so that no new colours appear at the edges.

    Args:
        images: uint8, shape (N, C, H, W), on the CPU, at least 5 pixels high and wide.
        augmentation: `none` returns the images unchanged and draws nothing; `crop` shifts them; `crop-flip` also
            mirrors them, left to right, with probability 1/2.
        generator: Source of randomness for shifts and flips.

    Returns:
        uint8, shape (N, C, H, W).
    """
    if augmentation == "none":
        return images
    count, _, height, width = images.shape
    rows, columns = (_crop(count, length, generator) for length in (height, width))
    if augmentation == "crop-flip":
        flipped = torch.rand(count, generator=generator) < 0.5
        columns = torch.where(flipped[:, None], columns.flip(1), columns)
    # Indexing by three tensors around a slice puts channels last.
    cropped = images[torch.arange(count)[:, None, None], :, rows[:, :, None], columns[:, None, :]]
    return cropped.permute(0, 3, 1, 2)


def _crop(count: int, length: int, generator: torch.Generator) -> Tensor:
    """Indices of the pixels that each image keeps of `length`: int64 (count, length), reflected at borders."""
    shifts = torch.randint(-_MARGIN, _MARGIN + 1, (count, 1), generator=generator)
    last = length - 1
    return last - (last - (shifts + torch.arange(length)).abs()).abs()
