"""Sums of Gaussian kernels around many codes."""

import math

import torch
from torch import Tensor

__all__ = ["kernel_log_density", "squared_distances"]

_CHUNK = 512
"""Number of codes whose distances from all exemplars are in memory at once."""


def squared_distances(codes: Tensor, exemplars: Tensor) -> Tensor:
    """Squared distances of codes (N, D) from exemplars (K, D), which lie around 0: shape (N, K), at least 0.

    Computed by one matrix product, which is precise enough only for points around 0.
    """
    squares = codes.square().sum(1)[:, None] + exemplars.square().sum(1)
    return torch.addmm(squares, codes, exemplars.T, alpha=-2).clamp(min=0)


def kernel_log_density(codes: Tensor, exemplars: Tensor, log_weights: Tensor, bandwidth: Tensor) -> Tensor:
    """Log-density of a weighted sum of Gaussians, log sum_k w_k N(code; exemplar_k, bandwidth^2 I), in nats.

    Args:
        codes: Shape (N, D).
        exemplars: Shape (K, D), around 0.
        log_weights: log w_k, shape (K,), or separate ones for each code (N, K); -inf for exemplars that do not count.
        bandwidth: A scalar above 0.

    Returns:
        Shape (N,).
    """
    factor = -0.5 / bandwidth.square()
    constant = exemplars.shape[1] * (bandwidth.log() + 0.5 * math.log(2 * math.pi))
    weights = log_weights.expand(len(codes), -1)
    chunks = zip(torch.split(codes, _CHUNK), torch.split(weights, _CHUNK), strict=True)
    found = [torch.logsumexp(squared_distances(code, exemplars) * factor + own, dim=1) for code, own in chunks]
    return torch.cat(found) - constant
