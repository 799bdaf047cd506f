"""Means over the valid places of sequences."""

from torch import Tensor

__all__ = ["masked_mean"]


def masked_mean(states: Tensor, mask: Tensor) -> Tensor:
    """The mean over the valid places of each sequence: (N, D); 0 if there are none.

    Args:
        states: Shape (N, L, D).
        mask: Which places are valid, bool (N, L).
    """
    kept = mask.unsqueeze(-1)
    # Invalid places may hold anything, also NaN.
    return states.masked_fill(~kept, 0).sum(dim=1) / kept.sum(dim=1).clamp(min=1)
