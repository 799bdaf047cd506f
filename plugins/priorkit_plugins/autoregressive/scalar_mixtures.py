"""Mixtures of logistic or normal distributions, each of a single number."""

import math
from dataclasses import dataclass
from typing import Literal, Self

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid, softplus

from priorkit_plugins.diagonal_mixture import picked_parts

__all__ = ["ScalarMixtures", "parameters_of", "spread_means", "standard_noise"]

_PARAMETERS = 3
"""Parameters of a component: weight, mean and scale."""
_LEAST_SCALE = 1e-3
"""Smallest scale of a component, for codes of deviation 1: otherwise repeated values would make the likelihood
unbounded."""
_SPREAD = 1.5
"""Initial means are evenly spaced between minus this and this, in deviations."""

_EPSILON = 2.0**-25
"""Uniform numbers are multiples of 2^-24; at 0, the logistic quantile would be infinite."""


def parameters_of(components: int) -> int:
    """Number of outputs that a network needs for a mixture of this many components."""
    return _PARAMETERS * components


@torch.no_grad()
def spread_means(start: Tensor) -> None:
    """Sets the initial biases of a network's outputs so that the means of each mixture differ.

    Args:
        start: The biases, (..., parameters of a mixture), changed in place.
    """
    components = start.shape[-1] // _PARAMETERS
    start[..., components : 2 * components] = torch.linspace(-_SPREAD, _SPREAD, components + 2)[1:-1]


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
        distribution: The kind of f.
    """

    log_weights: Tensor
    means: Tensor
    scales: Tensor
    distribution: Literal["logistic", "normal"]

    @classmethod
    def of(cls, outputs: Tensor, distribution: Literal["logistic", "normal"]) -> Self:
        """Makes mixtures from a network's outputs (..., parameters of a mixture)."""
        logits, means, scales = outputs.chunk(_PARAMETERS, dim=-1)
        return cls(torch.log_softmax(logits, dim=-1), means, softplus(scales) + _LEAST_SCALE, distribution)

    def log_prob(self, value: Tensor) -> Tensor:
        """Log-densities of numbers (...), of the same shape."""
        standard = (value[..., None] - self.means) / self.scales
        if self.distribution == "normal":
            density = -0.5 * (standard.square() + math.log(2 * math.pi))
        else:
            density = logsigmoid(standard) + logsigmoid(-standard)
        return torch.logsumexp(self.log_weights + density - self.scales.log(), dim=-1)

    def draw(self, uniform: Tensor, noise: Tensor) -> Tensor:
        """Draws from N mixtures, (N,): a uniform number (N,) picks a component; then mean + scale * noise (N,)."""
        picked = picked_parts(uniform, self.log_weights)[:, None]
        return (self.means.gather(1, picked) + self.scales.gather(1, picked) * noise[:, None]).squeeze(1)
