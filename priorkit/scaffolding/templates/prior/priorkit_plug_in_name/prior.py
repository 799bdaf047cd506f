"""Independent logistic distributions over codes."""

import torch
from priorkit.interfaces import Prior
from torch import Tensor
from torch.nn.functional import softplus

__all__ = ["PlugInNamePrior"]

_EDGE = 1e-6
"""Smallest distance of the uniform noise from 0 and 1, so that codes stay within 14 scales of 0."""


class PlugInNamePrior(Prior):
    """p(code) is the product of logistic densities exp(-t) / (scale (1 + exp(-t))^2), t = code / scale.

    Each dimension has mean 0 and variance (pi scale)^2 / 3. The prior has no trainable parameters.

    Args:
        code_dim: Dimensions of a code.
        scale: Scale of every dimension, above 0.
    """

    scale: Tensor
    has_density = True

    def __init__(self, code_dim: int, scale: float = 0.55) -> None:
        super().__init__()
        self.code_dim = code_dim
        # A buffer moves to the run's device with the prior, and is saved with it.
        self.register_buffer("scale", torch.tensor(float(scale)))

    def noise(self, n: int, *, generator: torch.Generator | None = None, device: torch.device | None = None) -> Tensor:
        """Uniform noise in [0, 1), shape (n, code_dim), drawn from the generator alone."""
        return torch.rand(n, self.code_dim, generator=generator, device=device)

    def forward(self, noise: Tensor, condition: Tensor | None = None) -> Tensor:
        """Turns noise (N, code_dim) into codes (N, code_dim): the inverse of the cumulative distribution."""
        return self.scale * torch.logit(noise.float(), eps=_EDGE)

    def log_prob(self, code: Tensor, condition: Tensor | None = None) -> Tensor:
        """Log-density of codes (N, code_dim) in nats, shape (N,), summed over their dimensions."""
        standard = code.float() / self.scale
        # Symmetric in t, without overflow: -|t| - 2 log(1 + exp(-|t|)) - log(scale).
        distance = standard.abs()
        density = -distance - 2 * softplus(-distance) - torch.log(self.scale)
        return density.sum(1)
