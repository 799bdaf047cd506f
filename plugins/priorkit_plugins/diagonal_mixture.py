"""Mixtures of Gaussians with independent dimensions, which several priors use."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.distributions import Categorical, Independent, MixtureSameFamily, Normal

from priorkit_plugins.single_precision import at_least_single

__all__ = ["DiagonalMixture", "mixture_noise", "picked_parts"]


def mixture_noise(
    n: int, code_dim: int, *, generator: torch.Generator | None = None, device: torch.device | None = None
) -> Tensor:
    """The randomness of `n` draws, shape (n, 1 + code_dim): a uniform number, then normal numbers."""
    part = torch.rand(n, 1, generator=generator, device=device)
    within = torch.randn(n, code_dim, generator=generator, device=device)
    return torch.cat([part, within], dim=1)


def picked_parts(uniform: Tensor, log_weights: Tensor) -> Tensor:
    """The inverse of the weights' cumulative distribution: int64 (N,), between 0 and K - 1.

    Args:
        uniform: Uniform in [0, 1), shape (N,).
        log_weights: Log-probabilities of the components, shape (K,), or (N, K) for separate weights for each number.
    """
    bounds = log_weights.detach().exp().cumsum(-1)
    # The last bound is 1 only up to rounding, so a number could exceed it.
    return (uniform[:, None] >= bounds[..., :-1]).sum(1)


@dataclass(frozen=True)
class DiagonalMixture:
    """p(code) = sum_k w_k N(code; mean_k, diag(exp(log_variance_k))), computed in float32 at least.

    Attributes:
        log_weights: log w_k, shape (K,), normalised.
        means: Shape (K, code_dim).
        log_variances: Shape (K, code_dim).
    """

    log_weights: Tensor
    means: Tensor
    log_variances: Tensor

    def parts_log_prob(self, code: Tensor) -> Tensor:
        """Log-densities of all components at codes (N, code_dim) in nats, summed over dimensions: shape (N, K)."""
        code = at_least_single(code)
        standard = (code[:, None] - self.means) * torch.exp(-0.5 * self.log_variances)
        constant = 0.5 * code.shape[1] * math.log(2 * math.pi)
        return -0.5 * (standard.square() + self.log_variances).sum(2) - constant

    def log_prob(self, code: Tensor) -> Tensor:
        """Log-density of codes (N, code_dim) in nats, shape (N,).

        The sum over components is outermost: log sum_k w_k prod_d N(code_d; ...).
        """
        return torch.logsumexp(self.log_weights + self.parts_log_prob(code), dim=1)

    def responsibilities(self, code: Tensor) -> Tensor:
        """p(k | code) of codes (N, code_dim): shape (N, K), rows sum to 1."""
        return torch.softmax(self.log_weights + self.parts_log_prob(code), dim=1)

    def distribution(self) -> MixtureSameFamily:
        """This mixture as an object of torch, with event shape (code_dim,)."""
        normal = Normal(self.means, torch.exp(0.5 * self.log_variances), validate_args=False)
        weights = Categorical(logits=self.log_weights, validate_args=False)
        return MixtureSameFamily(weights, Independent(normal, 1, validate_args=False), validate_args=False)
