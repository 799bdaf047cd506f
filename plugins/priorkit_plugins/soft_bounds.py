"""Smooth bounds for a network's unbounded outputs."""

import torch
from torch import Tensor

__all__ = ["softly_bounded"]


def softly_bounded(free: Tensor, low: float, high: float) -> Tensor:
    """Maps any numbers into a range, by a scaled tanh.

    The map is close to the identity in the middle of the range, its bounds are exact, and, unlike clipping, it has
    gradients beyond them.

    Args:
        free: Any numbers, of any shape.
        low: The lower bound.
        high: The upper bound, above the lower one.
    """
    centre, radius = (low + high) / 2, (high - low) / 2
    return centre + radius * torch.tanh((free - centre) / radius)
