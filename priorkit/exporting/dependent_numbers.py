"""Finds numbers of a random sample that depend on each other, from draws."""

import math

import torch
from torch import Tensor

__all__ = ["dependent_numbers"]

_SIGNIFICANT = 1e-6
"""Approximate probability of finding a dependence among independent numbers."""
_COMPARED = 4096
"""Maximal number of a sample's numbers to compare with each other."""
_BLOCK = 1024


def dependent_numbers(drawn: Tensor) -> Tensor:
    """Finds numbers that correlate with another number of their sample beyond chance, or whose distances from 1/2 do.

    In samples of more than 4,096 numbers, only 4,096 are compared: the first 2,048, and others at random.

    Args:
        drawn: Draws of samples, shape (draws, numbers), at least 10 draws; each number is uniform in [0, 1].

    Returns:
        Whether each number depends on another one: bool (numbers,). Other kinds of dependence are not found.
    """
    count = drawn.shape[1]
    found = torch.zeros(count, dtype=torch.bool)
    if count < 2:
        return found
    chosen = torch.arange(count)
    if count > _COMPARED:
        half = _COMPARED // 2
        others = half + torch.randperm(count - half, generator=torch.Generator().manual_seed(0))
        chosen = torch.cat([chosen[:half], others[:half]])
    values = drawn[:, chosen].float() - 0.5
    limit = _limit(len(drawn), len(chosen) * (len(chosen) - 1))
    # Coordinates of points on a sphere are uncorrelated, but their distances from the middle correlate.
    for each in (values, values.abs()):
        found[chosen] |= _correlating(each, limit)
    return found


def _limit(draws: int, tests: int) -> float:
    """Returns the correlation that independent numbers almost never exceed in this number of tests."""
    # Imported here, because it takes half a second and loading a run imports this module.
    from scipy import stats

    # Fisher's transform of a correlation is nearly normal.
    return math.tanh(float(stats.norm.isf(_SIGNIFICANT / tests / 2)) / math.sqrt(draws - 3))


def _correlating(values: Tensor, limit: float) -> Tensor:
    centred = values - values.mean(0)
    normed = centred / centred.norm(dim=0).clamp_min(torch.finfo(centred.dtype).tiny)
    found = []
    for start in range(0, normed.shape[1], _BLOCK):
        correlations = (normed[:, start : start + _BLOCK].T @ normed).abs()
        correlations.diagonal(start).zero_()
        found.append((correlations > limit).any(1))
    return torch.cat(found)
