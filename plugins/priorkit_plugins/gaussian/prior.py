"""An isotropic normal distribution over codes."""

import torch
from torch import Tensor
from torch.distributions import Independent, Normal

from priorkit.interfaces import Prior

__all__ = ["GaussianPrior"]


class GaussianPrior(Prior):
    """p(code) = N(mean, std^2 I), without parameters.

    Args:
        code_dim: Dimensions of a code.
        mean: Mean of every dimension.
        std: Standard deviation of every dimension, above 0.
    """

    mean: Tensor
    std: Tensor
    has_density = True

    def __init__(self, code_dim: int, mean: float = 0.0, std: float = 1.0) -> None:
        super().__init__()
        self.code_dim = code_dim
        self.register_buffer("mean", torch.tensor(float(mean)))
        self.register_buffer("std", torch.tensor(float(std)))

    def noise(self, n: int, *, generator: torch.Generator | None = None, device: torch.device | None = None) -> Tensor:
        """Standard normal noise of shape (n, code_dim)."""
        return torch.randn(n, self.code_dim, generator=generator, device=device)

    def forward(self, noise: Tensor, condition: Tensor | None = None) -> Tensor:
        """Scales and shifts noise (N, code_dim) to codes (N, code_dim)."""
        return self.mean + self.std * noise

    def log_prob(self, code: Tensor, condition: Tensor | None = None) -> Tensor:
        """Log-density of codes (N, code_dim) in nats, shape (N,)."""
        log_density: Tensor = self.distribution().log_prob(code)  # type: ignore[no-untyped-call]
        return log_density

    def distribution(self) -> "Independent[Normal]":
        """This prior as an `Independent(Normal)` with event shape (code_dim,)."""
        normal = Normal(self.mean.expand(self.code_dim), self.std.expand(self.code_dim), validate_args=False)
        return Independent(normal, 1, validate_args=False)
