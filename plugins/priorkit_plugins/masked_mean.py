"""Means over what there is of a sequence."""

from torch import Tensor

__all__ = ["masked_mean"]


def masked_mean(states: Tensor, mask: Tensor) -> Tensor:
    """The mean over the places of a sequence that there are: (N, D); 0 where there is none.

    Args:
        states: Shape (N, L, D).
        mask: Which places there are, bool (N, L).
    """
    kept = mask.unsqueeze(-1)
    # What is left out may be anything.
    return states.masked_fill(~kept, 0).sum(dim=1) / kept.sum(dim=1).clamp(min=1)
