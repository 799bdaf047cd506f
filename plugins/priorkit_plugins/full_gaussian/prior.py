"""A normal distribution with the mean and the covariance of all codes."""

import torch
from torch import Tensor
from torch.distributions import MultivariateNormal

from priorkit.interfaces import Learning, Prior

__all__ = ["FullGaussianPrior"]


class FullGaussianPrior(Prior):
    """p(code) = N(m, L L^T), m and L L^T the mean and the covariance of all codes: maximum likelihood, in closed form.

    Standard normal until it is fitted.

    Args:
        code_dim: Dimensions of a code.
        diagonal: Whether covariances between dimensions are left out.
        ridge: Added to every variance, as a share of the mean variance of the dimensions; at least 0.
    """

    mean: Tensor
    scale_tril: Tensor
    learning = Learning.ALL_CODES
    has_density = True

    def __init__(self, code_dim: int, *, diagonal: bool = False, ridge: float = 1e-4) -> None:
        super().__init__()
        self.code_dim = code_dim
        self.diagonal = diagonal
        self.ridge = ridge
        self.register_buffer("mean", torch.zeros(code_dim))
        self.register_buffer("scale_tril", torch.eye(code_dim))

    def fit_codes(self, code: Tensor, noise: Tensor, condition: Tensor | None = None) -> None:
        """Takes the mean and the covariance of codes (M, code_dim), divided by M.

        Raises:
            ValueError: The covariance is singular: there are fewer codes than dimensions, or some dimensions depend
                linearly on others, and the ridge is too small.
        """
        # In double precision: in single precision, the Cholesky factorisation fails at a few hundred dimensions. On the
        # CPU: MPS lacks it.
        codes = code.cpu().double()
        covariance = torch.cov(codes.T, correction=0).reshape(self.code_dim, self.code_dim)
        variances = covariance.diagonal()
        if self.diagonal:
            covariance = variances.diag()
        covariance = covariance + self.ridge * variances.mean() * torch.eye(self.code_dim).to(covariance)
        factor, failed = torch.linalg.cholesky_ex(covariance)
        if failed or not bool(factor.isfinite().all()):
            raise ValueError(
                f"the covariance of {len(code)} codes of {self.code_dim} dimensions is singular; use a larger "
                f"--prior.ridge than {self.ridge:g}"
            )
        self.mean.copy_(codes.mean(dim=0))
        self.scale_tril.copy_(factor)

    def noise(self, n: int, *, generator: torch.Generator | None = None, device: torch.device | None = None) -> Tensor:
        """Standard normal noise of shape (n, code_dim)."""
        return torch.randn(n, self.code_dim, generator=generator, device=device)

    def forward(self, noise: Tensor, condition: Tensor | None = None) -> Tensor:
        """Scales, mixes and shifts noise (N, code_dim) to codes (N, code_dim)."""
        return self.mean + noise @ self.scale_tril.T

    def log_prob(self, code: Tensor, condition: Tensor | None = None) -> Tensor:
        """Log-density of codes (N, code_dim) in nats, shape (N,)."""
        with torch.autocast(code.device.type, enabled=False):
            log_density: Tensor = self.distribution().log_prob(code.float())  # type: ignore[no-untyped-call]
            return log_density

    def distribution(self) -> MultivariateNormal:
        """This prior as a `MultivariateNormal` with event shape (code_dim,)."""
        return MultivariateNormal(self.mean, scale_tril=self.scale_tril, validate_args=False)
