"""Priors on the simplex."""

import torch
from torch import Tensor
from torch.distributions import Dirichlet, Distribution

from priorkit.interfaces import Prior
from priorkit_plugins.simplex.densities import SIMPLEX, dirichlet_log_prob, log_entries, logistic_normal_log_prob
from priorkit_plugins.simplex.gamma import log_gamma
from priorkit_plugins.single_precision import at_least_single

__all__ = ["DirichletPrior", "LogisticNormalPrior"]

_ROUNDING = 0.02
"""Tolerance for the entries' sum: bfloat16 has two or three digits."""
_FAR, _STEPS = 8.0, 1600
"""Range of normal numbers for which quantiles are tabulated, and number of intervals of the table."""


class _SimplexPrior(Prior):
    """Base of priors on the simplex: normal noise, and a density that is 0 outside the simplex.

    Args:
        code_dim: Entries of a code, at least 2.
    """

    has_density = True
    support = SIMPLEX

    def __init__(self, code_dim: int) -> None:
        super().__init__()
        self.code_dim = code_dim

    def noise(self, n: int, *, generator: torch.Generator | None = None, device: torch.device | None = None) -> Tensor:
        """Standard normal noise of shape (n, code_dim)."""
        return torch.randn(n, self.code_dim, generator=generator, device=device)

    def log_prob(self, code: Tensor, condition: Tensor | None = None) -> Tensor:
        """Log-density of codes (N, code_dim) in nats, shape (N,); minus infinity outside the simplex."""
        inside = self.support.contains(at_least_single(code), _ROUNDING)
        return torch.where(inside, self._log_prob(log_entries(code)), -torch.inf)

    def _log_prob(self, log_code: Tensor) -> Tensor:
        raise NotImplementedError


class DirichletPrior(_SimplexPrior):
    """p(code) = Dirichlet(concentration, ..., concentration), without parameters.

    Args:
        code_dim: Entries of a code, at least 2.
        concentration: Concentration of every entry, above 0: 1 for a uniform density, less for codes with few large
            entries.
    """

    concentration: Tensor
    quantiles: Tensor

    def __init__(self, code_dim: int, concentration: float = 1.0) -> None:
        super().__init__(code_dim)
        self.register_buffer("concentration", torch.full((code_dim,), float(concentration)))
        normal = torch.linspace(-_FAR, _FAR, _STEPS + 1, dtype=torch.float64)
        table = log_gamma(torch.full_like(normal, concentration), normal, concentration).to(self.concentration.dtype)
        # Not saved, because it follows from the concentration.
        self.register_buffer("quantiles", table, persistent=False)

    def forward(self, noise: Tensor, condition: Tensor | None = None) -> Tensor:
        """Turns noise (N, code_dim) into codes (N, code_dim): Gamma numbers, divided by their sum."""
        index = ((at_least_single(noise) + _FAR) * (_STEPS / (2 * _FAR))).clamp(0, _STEPS)
        first = index.floor().clamp(max=_STEPS - 1)
        low, high = (self.quantiles[(first + step).long()] for step in (0, 1))
        return (low + (index - first) * (high - low)).softmax(1)

    def _log_prob(self, log_code: Tensor) -> Tensor:
        return dirichlet_log_prob(log_code, self.concentration)

    def distribution(self) -> Distribution:
        """This prior as a `Dirichlet` with event shape (code_dim,)."""
        return Dirichlet(self.concentration, validate_args=False)


class LogisticNormalPrior(_SimplexPrior):
    """p(code) = the distribution of softmax(N(0, std^2 I)), without parameters.

    With std^2 = (1 - 1 / D) / concentration it is the Laplace approximation of a Dirichlet distribution (Srivastava and
    Sutton 2017, Section 3.2).

    Args:
        code_dim: Entries of a code, at least 2.
        std: Standard deviation of every entry before the softmax, above 0.
    """

    std: Tensor

    def __init__(self, code_dim: int, std: float = 1.0) -> None:
        super().__init__(code_dim)
        self.register_buffer("std", torch.full((code_dim,), float(std)))

    def forward(self, noise: Tensor, condition: Tensor | None = None) -> Tensor:
        """Turns noise (N, code_dim) into codes (N, code_dim)."""
        return (self.std * at_least_single(noise)).softmax(1)

    def _log_prob(self, log_code: Tensor) -> Tensor:
        return logistic_normal_log_prob(log_code, torch.zeros_like(self.std), 2 * self.std.log())
