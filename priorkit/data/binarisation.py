"""Converts images to black and white, for models with a Bernoulli likelihood."""

from typing import Literal

import torch
from torch import Tensor

from priorkit.engine import seed_for

__all__ = ["Binarise", "above", "binarised", "drawn_thresholds"]

Binarise = Literal["none", "threshold", "stochastic"]


def drawn_thresholds(shape: tuple[int, ...], seed: int, start: int, device: torch.device | None = None) -> Tensor:
    """Draws thresholds for `stochastic`, uint8 from 0 to 254: grey level x exceeds its own with probability x / 255.

    Args:
        shape: The shape of the images, (N, C, H, W).
        seed: The seed. The same seed and `start` give the same thresholds.
        start: The position of the first image in a sequence.
        device: The device of the thresholds; the CPU if it is None.
    """
    # The meta device, which computes shapes only, has no generators; it takes the CPU's.
    generator = torch.Generator("cpu" if device is None or device.type == "meta" else device)
    generator.manual_seed(seed_for(seed, "binarise", start))
    return torch.randint(0, 255, shape, generator=generator, device=device, dtype=torch.uint8)


def binarised(images: Tensor, how: str, seed: int, start: int) -> Tensor:
    """Converts uint8 images (N, C, H, W) to black and white (0 and 255).

    Args:
        images: Consecutive images of a sequence.
        how: `none`, which changes nothing; `threshold`, white from grey level 128 on; or `stochastic`, white with
            probability x / 255 (Salakhutdinov and Murray 2008, On the quantitative analysis of deep belief networks).
        seed: Seed of the random numbers of `stochastic`.
        start: The position of the first image in the sequence.
    """
    match how:
        case "threshold":
            return above(images, 127)
        case "stochastic":
            return above(images, drawn_thresholds(tuple(images.shape), seed, start, images.device))
    return images


def above(images: Tensor, thresholds: Tensor | int) -> Tensor:
    """Returns 255 where uint8 images (N, C, H, W) are above their thresholds, and 0 elsewhere."""
    return (images > thresholds).to(torch.uint8) * 255
