"""A wrapped normal distribution around the origin of the Poincare ball."""

import math

import torch
from torch import Tensor

from priorkit.interfaces import Prior
from priorkit_plugins.single_precision import at_least_single, single_precision
from priorkit_plugins.wrapped_normal.ball import Ball

__all__ = ["WrappedNormalPrior"]


class WrappedNormalPrior(Prior):
    """p(code): the points as far from the origin as normal vectors are long, in their directions; nothing to learn.

    The density is by the volume of the ball, as that of the encoder `wrapped-normal`, and 0 outside.

    Args:
        code_dim: Dimensions of a code.
        curvature: c: the ball has curvature -c and radius 1 / sqrt(c).
        std: Standard deviation of every dimension of the vectors, above 0.
    """

    std: Tensor
    has_density = True

    def __init__(self, code_dim: int, curvature: float = 1.0, std: float = 1.0) -> None:
        super().__init__()
        self.code_dim = code_dim
        self._ball = Ball(curvature)
        self.support = self._ball.support
        self.register_buffer("std", torch.tensor(float(std)))

    def noise(self, n: int, *, generator: torch.Generator | None = None, device: torch.device | None = None) -> Tensor:
        """Standard normal noise of shape (n, code_dim)."""
        return torch.randn(n, self.code_dim, generator=generator, device=device)

    def forward(self, noise: Tensor, condition: Tensor | None = None) -> Tensor:
        """Turns noise (N, code_dim) into codes (N, code_dim)."""
        with single_precision(noise.device):
            return self._ball.kept(self._ball.from_origin(self.std * at_least_single(noise))[0])

    def log_prob(self, code: Tensor, condition: Tensor | None = None) -> Tensor:
        """Log-density of codes (N, code_dim) in nats, shape (N,); minus infinity outside of the ball."""
        with single_precision(code.device):
            code = at_least_single(code)
            inside = self._ball.support.contains(code, tolerance=0)
            distance, log_gap = self._ball.distance(self._ball.kept(code))
            normal = -0.5 * (distance / self.std).square() - self.code_dim * (self.std.log() + 0.5 * math.log(math.tau))
            found = normal - self._ball.log_volume(distance, log_gap, self.code_dim)
            return torch.where(inside, found, -torch.inf)
