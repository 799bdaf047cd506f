"""The noise schedule, and the levels of the sampler."""

import math

import torch
from torch import Tensor

__all__ = ["cosine_schedule", "sampler_levels"]

_OFFSET = 0.008
_LARGEST_BETA = 0.999
_LEAST_SIGNAL = 0.02


def cosine_schedule(levels: int) -> tuple[Tensor, Tensor]:
    """Signal and noise of the cosine schedule (Nichol and Dhariwal 2021, arXiv:2102.09672, Eq. 17), T = `levels`.

    A code c at level t is alpha_t c + sigma_t e with e ~ N(0, I) and alpha_t^2 + sigma_t^2 = 1.

    Returns:
        alpha_t and sigma_t for t = 0 (the code itself) to T (almost pure noise), each float64 (T + 1,).
    """
    t = torch.arange(levels + 1, dtype=torch.float64) / levels
    squares = torch.cos((t + _OFFSET) / (1 + _OFFSET) * math.pi / 2).square()
    betas = (1 - squares[1:] / squares[:-1]).clamp(max=_LARGEST_BETA)
    left = torch.cat([torch.ones(1, dtype=torch.float64), (1 - betas).cumprod(0)])
    return left.sqrt(), (1 - left).sqrt()


def sampler_levels(signal: Tensor, steps: int) -> list[int]:
    """The descending levels of a sampler: `steps` levels, evenly spaced, then 0.

    The first level is the highest with a signal of at least 0.02. Above it, codes are almost pure noise, and the
    network's errors would be divided by a tiny number.

    Args:
        signal: alpha_t, shape (T + 1,).
        steps: Between 1 and T.
    """
    highest = max(int((signal >= _LEAST_SIGNAL).sum()) - 1, steps)
    return [round(highest * (steps - step) / steps) for step in range(steps + 1)]
