"""Numbers that a network gives without bounds, kept in a range."""

import torch
from torch import Tensor

__all__ = ["softly_bounded"]


def softly_bounded(free: Tensor, low: float, high: float) -> Tensor:
    """Numbers between two bounds, by a scaled tanh, of any numbers.

    It is close to the identity in the middle of the range, its bounds are exact, and unlike those of a hard limit its
    gradients lead back from beyond them.

    Args:
        free: Any numbers, of any shape.
        low: The lower bound.
        high: The upper bound, above the lower one.
    """
    centre, radius = (low + high) / 2, (high - low) / 2
    return centre + radius * torch.tanh((free - centre) / radius)
