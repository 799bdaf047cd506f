"""Priors with independent dimensions with heavier tails than normal ones."""

import torch
from torch import Tensor
from torch.distributions import Distribution

from priorkit.interfaces import Prior
from priorkit_plugins.heavy_tails.laws import Law
from priorkit_plugins.single_precision import at_least_single

__all__ = ["HeavyTailedPrior"]


class HeavyTailedPrior(Prior):
    """p(code) is the product over dimensions of law((code - location) / scale) / scale; without parameters.

    Args:
        law: The law of every dimension.
        code_dim: Dimensions of a code.
        location: Centre of every dimension.
        scale: Scale of every dimension, above 0.
    """

    location: Tensor
    scale: Tensor
    has_density = True

    def __init__(self, law: Law, code_dim: int, location: float = 0.0, scale: float = 1.0) -> None:
        super().__init__()
        self._law = law
        self.code_dim = code_dim
        self.register_buffer("location", torch.tensor(float(location)))
        self.register_buffer("scale", torch.tensor(float(scale)))

    def noise(self, n: int, *, generator: torch.Generator | None = None, device: torch.device | None = None) -> Tensor:
        """Standard normal noise of shape (n, code_dim)."""
        return torch.randn(n, self.code_dim, generator=generator, device=device)

    def forward(self, noise: Tensor, condition: Tensor | None = None) -> Tensor:
        """Turns noise (N, code_dim) into codes (N, code_dim), quantile by quantile."""
        return self.location + self.scale * self._law.draw(at_least_single(noise))

    def log_prob(self, code: Tensor, condition: Tensor | None = None) -> Tensor:
        """Log-density of codes (N, code_dim) in nats, shape (N,), at least float32."""
        standard = (at_least_single(code) - self.location) / self.scale
        return (self._law.log_prob(standard) - self.scale.log()).sum(1)

    def distribution(self) -> Distribution:
        """This prior as a distribution with event shape (code_dim,).

        Raises:
            TypeError: torch has no such distribution.
        """
        found = self._law.distribution(self.location.expand(self.code_dim), self.scale.expand(self.code_dim))
        return super().distribution() if found is None else found
