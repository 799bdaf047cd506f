"""Chooses the images to hold out, for data sets that have no test set of their own."""

import torch
from torch import Tensor

__all__ = ["held_out"]


def held_out(count: int, share: float, seed: int) -> tuple[Tensor, Tensor]:
    """Splits `count` images at random into those to train on and those to hold out.

    Args:
        count: Number of images, at least 2.
        share: Share of the images to hold out, between 0 and 1; at least one is held out, and one is not.
        seed: Seed of the choice.

    Returns:
        The images' indices, int64: to train on, and held out. Each is in ascending order.
    """
    size = min(max(1, round(share * count)), count - 1)
    order = torch.randperm(count, generator=torch.Generator().manual_seed(seed))
    return order[size:].sort().values, order[:size].sort().values
