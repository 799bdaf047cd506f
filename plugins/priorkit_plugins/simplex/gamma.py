"""Logarithms of Gamma numbers as functions of normal noise."""

import torch
from torch import Tensor

from priorkit_plugins.exponential_family import ExponentialFamily, Grid

__all__ = ["log_gamma"]

_NATS = 25.0
"""Decrease of the log-density beyond which tails are ignored."""


def log_gamma(shape: Tensor, noise: Tensor, least: float) -> Tensor:
    """Logarithms of Gamma numbers, quantiles at the level of normal noise, with implicit gradients: shape (N,).

    Logarithms, because with small shapes the numbers themselves would round to 0.

    Args:
        shape: Shapes of the Gamma distributions, at least `least`, shape (N,).
        noise: Standard normal, shape (N,).
        least: The smallest shape, above 0: the smaller, the longer the lower tail.
    """
    centre = shape.detach().log()
    grid = Grid(centre, shape.rsqrt(), 8 + _NATS / least**0.5)
    # The density exp(shape t - exp(t)), where both terms are large and alike if the shape is.
    apart = grid.points - centre[:, None]
    family = ExponentialFamily(shape, apart, -shape.detach()[:, None] * torch.exp(apart), grid)
    return family.draw(noise)
