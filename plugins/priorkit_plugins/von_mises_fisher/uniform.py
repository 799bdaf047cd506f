"""The uniform distribution on the unit sphere."""

import torch
from torch import Tensor

from priorkit.interfaces import Prior
from priorkit_plugins.single_precision import at_least_single
from priorkit_plugins.von_mises_fisher.distributions import SPHERE, UniformSphere, directions

__all__ = ["UniformSpherePrior"]


class UniformSpherePrior(Prior):
    """p(code) is the same for all codes of length 1: 1 / the sphere's surface; nothing to learn.

    Args:
        code_dim: Dimensions of a code, at least 2.
    """

    has_density = True
    support = SPHERE

    def __init__(self, code_dim: int) -> None:
        super().__init__()
        self.code_dim = code_dim

    def noise(self, n: int, *, generator: torch.Generator | None = None, device: torch.device | None = None) -> Tensor:
        """Standard normal noise of shape (n, code_dim)."""
        return torch.randn(n, self.code_dim, generator=generator, device=device)

    def forward(self, noise: Tensor, condition: Tensor | None = None) -> Tensor:
        """The directions of noise (N, code_dim)."""
        return directions(at_least_single(noise))

    def log_prob(self, code: Tensor, condition: Tensor | None = None) -> Tensor:
        """Log-density of codes (N, code_dim) in nats, shape (N,); minus infinity outside the sphere."""
        return self.distribution().log_prob(at_least_single(code))

    def distribution(self) -> UniformSphere:
        """This prior as a distribution with event shape (code_dim,)."""
        return UniformSphere(self.code_dim)
