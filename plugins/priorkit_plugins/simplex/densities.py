"""Densities of codes on the simplex, by the volume of all entries but the last, from the logarithms of the entries."""

import math

import torch
from torch import Tensor

from priorkit.interfaces import Space, Support
from priorkit_plugins.single_precision import at_least_single

__all__ = ["SIMPLEX", "dirichlet_log_prob", "log_entries", "logistic_normal_log_prob"]

SIMPLEX = Support(Space.SIMPLEX)

_LEAST = 1e-38
"""The least entry that float32 tells from 0."""


def log_entries(code: Tensor) -> Tensor:
    """Logarithms of the entries of codes (N, D); an entry that has become 0 counts as the least number above it."""
    return at_least_single(code).clamp(min=_LEAST).log()


def dirichlet_log_prob(log_code: Tensor, concentration: Tensor) -> Tensor:
    """Log-density of Dirichlet distributions in nats, shape (N,).

    Args:
        log_code: Logarithms of the entries, shape (N, D).
        concentration: Of each entry, above 0, shape (N, D) or (D,).
    """
    constant = torch.lgamma(concentration.sum(-1)) - torch.lgamma(concentration).sum(-1)
    return ((concentration - 1) * log_code).sum(1) + constant


def logistic_normal_log_prob(log_code: Tensor, mean: Tensor, log_variance: Tensor) -> Tensor:
    """Log-density of softmax(g) in nats, shape (N,), where g has independent normal entries.

    All g + a with one number a give the same code, so the density of g is integrated over a, a normal integral.

    Args:
        log_code: Logarithms of the entries, shape (N, D).
        mean: Means of g, shape (N, D) or (D,).
        log_variance: Log-variances of g, of the same shape.
    """
    dim = log_code.shape[1]
    precision = torch.exp(-log_variance)
    total = precision.sum(-1, keepdim=True)
    apart = log_code - mean
    apart = apart - (precision * apart).sum(1, keepdim=True) / total
    exponent = -0.5 * (precision * apart.square()).sum(1)
    scale = -0.5 * (log_variance.sum(-1) + total.log()[..., 0] + (dim - 1) * math.log(math.tau))
    return exponent + scale - log_code.sum(1)
