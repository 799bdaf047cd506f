"""The maximum mean discrepancy of two batches of codes."""

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor

__all__ = ["Kernel", "mean_discrepancy"]

Kernel = Literal["imq", "rbf"]
"""Inverse multiquadratic, or Gaussian (RBF)."""


def mean_discrepancy(one: Tensor, other: Tensor, kernel: Kernel, bandwidth: float, scales: Sequence[float]) -> Tensor:
    """The unbiased estimate of MMD^2 between codes (N, code_dim) and other codes, at least two of each.

    The sum over scales s of the estimate with the kernel C / (C + ||x - y||^2) (`imq`) or exp(-||x - y||^2 / C)
    (`rbf`), where C = 2 code_dim bandwidth^2 s: for s = 1, the expected squared distance of two codes of a prior with
    that standard deviation (Section 4 of Tolstikhin et al. 2018). Being unbiased, it may be negative.

    Args:
        one: Codes, float32.
        other: As many others.
        kernel: `imq`, whose tails reach codes far from the prior's, or `rbf`.
        bandwidth: Standard deviation of a dimension of the prior's codes.
        scales: Factors s.
    """
    n = len(one)
    within = _kernels(one, one, kernel, bandwidth, scales) + _kernels(other, other, kernel, bandwidth, scales)
    # Pairs of a code with itself: the estimate leaves these out.
    apart = within.sum() - within.diagonal().sum()
    return apart / (n * (n - 1)) - 2 * _kernels(one, other, kernel, bandwidth, scales).mean()


def _kernels(one: Tensor, other: Tensor, kernel: Kernel, bandwidth: float, scales: Sequence[float]) -> Tensor:
    """Kernels (N, N) of all pairs, summed over the scales."""
    # From differences, not from a product: cancellation would make distances and gradients of close codes 0.
    squares = torch.cdist(one, other, compute_mode="donot_use_mm_for_euclid_dist").square()
    kernels = torch.zeros_like(squares)
    for scale in scales:
        constant = 2 * one.shape[1] * bandwidth**2 * scale
        kernels = kernels + (constant / (constant + squares) if kernel == "imq" else torch.exp(-squares / constant))
    return kernels
