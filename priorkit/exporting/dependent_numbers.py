"""Which numbers of a random sample depend on each other, as far as draws tell."""

import math

import torch
from torch import Tensor

__all__ = ["dependent_numbers"]

_SIGNIFICANT = 1e-6
"""Probability of finding any among independent numbers, about."""
_COMPARED = 4096
"""Numbers of a sample that are compared with each other, at most."""
_BLOCK = 1024


def dependent_numbers(drawn: Tensor) -> Tensor:
    """Finds numbers that correlate with another one of their sample beyond chance, or whose distances from 1/2 do.

    Of samples of more than 4,096 numbers, the first half of so many and others at random are compared.

    Args:
        drawn: Draws of numbers that are uniform in [0, 1] each, shape (draws, numbers), at least 10 draws.

    Returns:
        Whether each depends on another one: bool (numbers,). Dependence of other kinds is not found.
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
    # Coordinates of points on a sphere do not correlate, and their distances from the middle do.
    for each in (values, values.abs()):
        found[chosen] |= _correlating(each, limit)
    return found


def _limit(draws: int, tests: int) -> float:
    """The correlation that independent numbers exceed in none of so many tests, but for bad luck."""
    # It takes half a second, and whoever loads a run imports this module.
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
