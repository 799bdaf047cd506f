"""The squared Cramer-Wold distance in closed form."""

import math

import torch
from torch import Tensor

__all__ = ["distance_to_sample", "distance_to_standard_normal", "projected_kernel", "smoothing"]


def smoothing(n: int) -> float:
    """Variance gamma of the kernel that smooths projections of n standardised codes: Silverman's rule."""
    return math.pow(4 / (3 * n), 0.4)


def projected_kernel(squares: Tensor, code_dim: int) -> Tensor:
    """phi_D(s) = 1F1(1/2; D/2; -s), the mean of exp(-s u^2) over directions whose first coordinate is u.

    Exact for one and two dimensions; otherwise the paper's approximation (1 + 4 s / (2 D - 3))^(-1/2), which is up to
    13 % too low for 3 dimensions, 3 % for 8 and 1 % for 20.

    Args:
        squares: s, at least 0, float32.
        code_dim: D.
    """
    if code_dim == 1:
        return torch.exp(-squares)
    if code_dim == 2:
        exact: Tensor = torch.special.i0e(squares / 2)
        return exact
    return torch.pow(1 + 4 * squares / (2 * code_dim - 3), -0.5)


def distance_to_standard_normal(code: Tensor) -> Tensor:
    """d^2(codes, N(0, I)), without the sampling error of a second batch (Knop et al. 2020, Theorem 3).

    Args:
        code: Codes (N, code_dim), float32, N at least 2.
    """
    n, code_dim = code.shape
    gamma = smoothing(n)
    among = projected_kernel(_squares(code, code) / (4 * gamma), code_dim).mean() / math.sqrt(gamma)
    between = projected_kernel(code.square().sum(1) / (2 + 4 * gamma), code_dim).mean() / math.sqrt(gamma + 0.5)
    return (among + 1 / math.sqrt(1 + gamma) - 2 * between) / (2 * math.sqrt(math.pi))


def distance_to_sample(code: Tensor, other: Tensor) -> Tensor:
    """d^2 between codes and as many others, both (N, code_dim), float32, N at least 2."""
    n, code_dim = code.shape
    gamma = smoothing(n)

    def mean(one: Tensor, two: Tensor) -> Tensor:
        return projected_kernel(_squares(one, two) / (4 * gamma), code_dim).mean()

    return (mean(code, code) + mean(other, other) - 2 * mean(code, other)) / (2 * math.sqrt(math.pi * gamma))


def _squares(one: Tensor, other: Tensor) -> Tensor:
    """Squared distances (N, M) of all pairs."""
    # From differences, not from a product: cancellation would make distances and gradients of close codes 0.
    squares: Tensor = torch.cdist(one, other, compute_mode="donot_use_mm_for_euclid_dist").square()
    return squares
