"""Bandwidths of kernel density estimates."""

import math

import torch
from torch import Tensor

from priorkit_plugins.kde.kernels import squared_distances

__all__ = ["likeliest_bandwidth", "scott", "silverman"]

_HELD_OUT = 0.1
_MOST_HELD_OUT = 1000
_CHUNK = 100
_FROM, _TO, _NUMBER = 0.01, 2.0, 40
"""The grid of bandwidths, in deviations: neighbours differ by 15 %."""


def scott(count: int, code_dim: int) -> float:
    """Scott's rule, n^(-1 / (D + 4)): asymptotically best for normal codes of deviation 1 (Scott 1992, Eq. 6.42)."""
    return float(count ** (-1 / (code_dim + 4)))


def silverman(count: int, code_dim: int) -> float:
    """Silverman's rule, (n (D + 2) / 4)^(-1 / (D + 4)) (Silverman 1986, Eq. 4.14)."""
    return float((count * (code_dim + 2) / 4) ** (-1 / (code_dim + 4)))


def likeliest_bandwidth(codes: Tensor, classes: Tensor | None = None) -> float:
    """The bandwidth in a grid that maximises the likelihood of a tenth of the codes, at most 1,000, given the others.

    Args:
        codes: Codes of deviation about 1, in random order, shape (M, D), M at least 2.
        classes: The class of each code, int64 (M,), if only exemplars of the same class count; or None.
    """
    number = min(max(1, round(_HELD_OUT * len(codes))), _MOST_HELD_OUT)
    held_out, kept = codes[:number], codes[number:]
    grid = torch.logspace(math.log10(_FROM), math.log10(_TO), _NUMBER, dtype=torch.float64)
    totals = torch.zeros(_NUMBER, dtype=torch.float64)
    for part in torch.split(torch.arange(number, device=codes.device), _CHUNK):
        squares = squared_distances(held_out[part], kept)
        if classes is not None:
            same = classes[:number][part][:, None] == classes[number:]
            # A class without exemplars gives no information on the bandwidth.
            squares = squares.masked_fill(~same, float("inf"))[same.any(dim=1)]
        for place, bandwidth in enumerate(grid.tolist()):
            near = torch.logsumexp(squares * (-0.5 / bandwidth**2), dim=1)
            totals[place] += float((near - codes.shape[1] * math.log(bandwidth)).cpu().double().sum())
    return float(grid[totals.argmax()])
