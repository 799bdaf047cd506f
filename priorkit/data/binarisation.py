"""Images in black and white, for models whose likelihood is one of black and white alone."""

from typing import Literal

import torch
from torch import Tensor

from priorkit.engine import seed_for

__all__ = ["Binarise", "above", "binarised", "drawn_thresholds"]

Binarise = Literal["none", "threshold", "stochastic"]


def drawn_thresholds(shape: tuple[int, ...], seed: int, start: int, device: torch.device | None = None) -> Tensor:
    """Thresholds for `stochastic`, uint8 from 0 to 254: a grey level x is above with probability x / 255.

    Args:
        shape: That of the images, (N, C, H, W).
        seed: The same seed always gives the same thresholds for the same place.
        start: The place of the first image in a sequence.
        device: Where they are made; the CPU if it is None.
    """
    # The meta device, which computes shapes only, has no generators; the CPU's does for it.
    generator = torch.Generator("cpu" if device is None or device.type == "meta" else device)
    generator.manual_seed(seed_for(seed, "binarise", start))
    return torch.randint(0, 255, shape, generator=generator, device=device, dtype=torch.uint8)


def binarised(images: Tensor, how: str, seed: int, start: int) -> Tensor:
    """uint8 images (N, C, H, W) in black and white (0 and 255), or as they are.

    Args:
        images: Some of a sequence of images.
        how: `none`; `threshold`, white from 128 on; or `stochastic`, white with probability x / 255 (Salakhutdinov and
            Murray 2008, On the quantitative analysis of deep belief networks).
        seed: Of what is drawn.
        start: The place of the first of these images in the sequence.
    """
    match how:
        case "threshold":
            return above(images, 127)
        case "stochastic":
            return above(images, drawn_thresholds(tuple(images.shape), seed, start, images.device))
    return images


def above(images: Tensor, thresholds: Tensor | int) -> Tensor:
    """255 where uint8 images (N, C, H, W) are above their thresholds, else 0."""
    return (images > thresholds).to(torch.uint8) * 255
