"""A uniform distribution over a box."""

import torch
from torch import Tensor
from torch.distributions import Independent, Uniform

from priorkit.interfaces import Prior

__all__ = ["UniformPrior"]


class UniformPrior(Prior):
    """p(code) = Uniform([low, high)^code_dim), without parameters.

    Outside of the box the log-density is minus infinity, so that no Gaussian posterior has a finite divergence from it.

    Args:
        code_dim: Dimensions of a code.
        low: Lower bound of every dimension.
        high: Upper bound of every dimension, above `low`.
    """

    has_density = True
    low: Tensor
    high: Tensor

    def __init__(self, code_dim: int, low: float = -1.0, high: float = 1.0) -> None:
        super().__init__()
        self.code_dim = code_dim
        self.register_buffer("low", torch.tensor(float(low)))
        self.register_buffer("high", torch.tensor(float(high)))

    def noise(self, n: int, *, generator: torch.Generator | None = None, device: torch.device | None = None) -> Tensor:
        """Uniform in [0, 1), shape (n, code_dim)."""
        return torch.rand(n, self.code_dim, generator=generator, device=device)

    def forward(self, noise: Tensor, condition: Tensor | None = None) -> Tensor:
        """Stretches noise (N, code_dim) over the box."""
        return self.low + (self.high - self.low) * noise

    def log_prob(self, code: Tensor, condition: Tensor | None = None) -> Tensor:
        """Log-density of codes (N, code_dim) in nats, shape (N,); minus infinity outside."""
        log_density: Tensor = self.distribution().log_prob(code.float())  # type: ignore[no-untyped-call]
        return log_density

    def distribution(self) -> "Independent[Uniform]":
        """This prior as an `Independent(Uniform)` with event shape (code_dim,)."""
        box = Uniform(self.low.expand(self.code_dim), self.high.expand(self.code_dim), validate_args=False)
        return Independent(box, 1, validate_args=False)
