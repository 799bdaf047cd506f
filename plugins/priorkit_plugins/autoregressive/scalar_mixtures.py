"""Mixtures of logistic or normal distributions, each of a single number."""

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from priorkit_plugins.diagonal_mixture import picked_parts

__all__ = ["ScalarMixtures", "standard_noise"]

_EPSILON = 2.0**-25
"""Uniform numbers are multiples of 2^-24, 0 among them, of which the logistic quantile is infinite."""


def standard_noise(
    distribution: Literal["logistic", "normal"],
    *size: int,
    generator: torch.Generator | None = None,
    device: torch.device | None = None,
) -> Tensor:
    """Draws from the standard distribution, float32 of the given size."""
    if distribution == "normal":
        return torch.randn(*size, generator=generator, device=device)
    return torch.logit(torch.rand(*size, generator=generator, device=device), eps=_EPSILON)


@dataclass(frozen=True)
class ScalarMixtures:
    """p(x) = sum_k w_k f((x - mean_k) / scale_k) / scale_k, f the standard logistic or normal density.

    Attributes:
        log_weights: log w_k, shape (..., K), normalised.
        means: Shape (..., K).
        scales: Shape (..., K), above 0.
        distribution: What f is.
    """

    log_weights: Tensor
    means: Tensor
    scales: Tensor
    distribution: Literal["logistic", "normal"]

    def log_prob(self, value: Tensor) -> Tensor:
        """Log-densities of numbers (...), of the same shape."""
        standard = (value[..., None] - self.means) / self.scales
        if self.distribution == "normal":
            density = -0.5 * (standard.square() + math.log(2 * math.pi))
        else:
            density = logsigmoid(standard) + logsigmoid(-standard)
        return torch.logsumexp(self.log_weights + density - self.scales.log(), dim=-1)

    def draw(self, uniform: Tensor, noise: Tensor) -> Tensor:
        """Numbers (N,) of N mixtures: a part that a uniform number (N,) picks, then mean + scale * noise (N,)."""
        picked = picked_parts(uniform, self.log_weights)[:, None]
        return (self.means.gather(1, picked) + self.scales.gather(1, picked) * noise[:, None]).squeeze(1)
