"""The normal base distribution of priors that reweight it, fitted to codes by likelihood."""

import math

import torch
from torch import Tensor, nn

from priorkit.interfaces import CodeSpace, Standardisation
from priorkit_plugins.single_precision import at_least_single

__all__ = ["GaussianBase", "standard_log_prob"]


def standard_log_prob(white: Tensor) -> Tensor:
    """Log-density of N(0, I) at (..., code_dim) in nats: shape (...)."""
    return -0.5 * (white.square().sum(-1) + white.shape[-1] * math.log(2 * math.pi))


class GaussianBase(nn.Module):
    """A normal distribution of codes, as the affine map that whitens them: w = A code - b is N(0, I).

    A is diagonal or lower triangular. A lower triangular A is the Cholesky factor of the inverse covariance; the
    likelihood has a unique maximum in A and b. In a stage on codes, codes are standardised first, so that little is
    left to learn.

    Args:
        code_dim: Dimensions of a code.
        full: Whether to model covariances between dimensions.
    """

    def __init__(self, code_dim: int, *, full: bool = False) -> None:
        super().__init__()
        self.code_dim = code_dim
        self.standardisation = Standardisation(CodeSpace((code_dim,)))
        self.shift = nn.Parameter(torch.zeros(code_dim))
        self.log_scales = nn.Parameter(torch.zeros(code_dim))
        # Entries on and above the diagonal are not used.
        self.lower = nn.Parameter(torch.zeros(code_dim, code_dim)) if full and code_dim > 1 else None

    def whiten(self, code: Tensor) -> Tensor:
        """Whitens codes (N, code_dim): w of the same shape, at least float32."""
        standard: Tensor = self.standardisation(at_least_single(code))
        scaled = standard * self.log_scales.exp()
        if self.lower is not None:
            scaled = scaled + standard @ self.lower.tril(-1).T
        return scaled - self.shift

    def colour(self, white: Tensor) -> Tensor:
        """Undoes the whitening: turns w (N, code_dim) into codes (N, code_dim)."""
        shifted = white + self.shift
        if self.lower is None:
            standard = shifted * (-self.log_scales).exp()
        else:
            factor = self.lower.tril(-1) + self.log_scales.exp().diag()
            standard = torch.linalg.solve_triangular(factor, shifted.T, upper=False).T
        return self.standardisation.inverse(standard)

    def log_volume(self) -> Tensor:
        """The log-density of codes minus that of w: log |det dw/dcode| in nats, a scalar."""
        return self.log_scales.sum() - self.standardisation.log_volume()

    def log_prob(self, code: Tensor) -> Tensor:
        """Log-density of codes (N, code_dim) in nats, shape (N,)."""
        return standard_log_prob(self.whiten(code)) + self.log_volume()
