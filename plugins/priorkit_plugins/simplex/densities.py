"""Densities of codes on the simplex, by the volume of all entries but the last, from the logarithms of the entries."""

import math

import torch
from torch import Tensor

from priorkit.interfaces import Space, Support
from priorkit_plugins.single_precision import at_least_single

__all__ = ["SIMPLEX", "dirichlet_log_prob", "log_entries", "logistic_normal_log_prob"]

SIMPLEX = Support(Space.SIMPLEX)

_LEAST = 1e-38
"""The smallest positive entry in float32."""


def log_entries(code: Tensor) -> Tensor:
    """Logarithms of the entries of codes (N, D); entries of 0 are replaced by the smallest number above 0."""
    return at_least_single(code).clamp(min=_LEAST).log()


def dirichlet_log_prob(log_code: Tensor, concentration: Tensor) -> Tensor:
    """Log-density of Dirichlet distributions in nats, shape (N,).

    Args:
        log_code: Logarithms of the entries, shape (N, D).
        concentration: Concentration of each entry, above 0, shape (N, D) or (D,).
    """
    constant = torch.lgamma(concentration.sum(-1)) - torch.lgamma(concentration).sum(-1)
    return ((concentration - 1) * log_code).sum(1) + constant


def logistic_normal_log_prob(log_code: Tensor, mean: Tensor, log_variance: Tensor) -> Tensor:
    """Log-density of softmax(g) in nats, shape (N,), where g has independent normal entries.

    g + a gives the same code for every number a, so the density of g is integrated over a, a Gaussian integral.

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
