"""Conditional normal distributions with independent dimensions, whose moments a network computes."""

import math

import torch
from torch import Tensor, nn

from priorkit_plugins.fully_connected import hidden_layers
from priorkit_plugins.single_precision import at_least_single, single_precision
from priorkit_plugins.soft_bounds import softly_bounded

__all__ = ["ConditionalNormal", "normal_log_prob"]

_WIDEST = 10.0
"""Bound on log-variances, by a scaled tanh, which keeps gradients beyond the bound."""


def normal_log_prob(code: Tensor, mean: Tensor, log_variance: Tensor) -> Tensor:
    """Log N(code; mean, diag(exp(log_variance))) in nats, summed over the last dimension."""
    scaled = (code - mean).square() * torch.exp(-log_variance)
    return -0.5 * (scaled + log_variance + math.log(2 * math.pi)).sum(-1)


class ConditionalNormal(nn.Module):
    """N(mean(y), diag(exp(log_variance(y)))), by a fully connected network; always in float32.

    Args:
        inputs: Dimensions of y.
        dim: Dimensions of the distribution.
        hidden: Width of the hidden layers.
        layers: Number of hidden layers.
    """

    def __init__(self, inputs: int, dim: int, *, hidden: int, layers: int) -> None:
        super().__init__()
        body = hidden_layers(inputs, [hidden] * layers)
        self.body = nn.Sequential(*body, nn.Linear(hidden if layers else inputs, 2 * dim))

    def forward(self, given: Tensor) -> tuple[Tensor, Tensor]:
        """Means and log-variances, each (N, dim), of y (N, inputs)."""
        with single_precision(given.device):
            parameters: Tensor = self.body(at_least_single(given))
            mean, free = parameters.chunk(2, dim=1)
            return mean, softly_bounded(free, -_WIDEST, _WIDEST)
