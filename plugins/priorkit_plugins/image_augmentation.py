"""Random crops and flips of training images."""

from typing import Literal

import torch
from torch import Tensor

__all__ = ["Augmentation", "augment_images"]

Augmentation = Literal["none", "crop", "crop-flip"]

_MARGIN = 4
"""Pixels by which a crop may be off the centre, as is usual for CIFAR-10 (He et al. 2016)."""


def augment_images(images: Tensor, augmentation: Augmentation, generator: torch.Generator) -> Tensor:
    """Shifts every image by up to 4 pixels each way, and mirrors every second one, at random.

    A shifted image is a crop of the image continued by its own reflection, so that no colour comes in from outside.

    Args:
        images: uint8, shape (N, C, H, W), on the CPU, at least 5 pixels high and wide.
        augmentation: `none` gives the images as they are and draws nothing; `crop` shifts them; `crop-flip` also
            mirrors them, left to right, with probability 1/2.
        generator: Draws shifts and flips.

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
    # Indexed by three tensors around a slice, channels come last.
    cropped = images[torch.arange(count)[:, None, None], :, rows[:, :, None], columns[:, None, :]]
    return cropped.permute(0, 3, 1, 2)


def _crop(count: int, length: int, generator: torch.Generator) -> Tensor:
    """Which pixels of a side of `length` each image keeps: int64, shape (count, length), reflected at the borders."""
    shifts = torch.randint(-_MARGIN, _MARGIN + 1, (count, 1), generator=generator)
    last = length - 1
    return last - (last - (shifts + torch.arange(length)).abs()).abs()
