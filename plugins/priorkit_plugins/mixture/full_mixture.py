"""Mixtures of Gaussians with covariances between dimensions."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.distributions import Categorical, MixtureSameFamily, MultivariateNormal

from priorkit_plugins.single_precision import at_least_single, single_precision

__all__ = ["FullMixture"]


@dataclass(frozen=True)
class FullMixture:
    """p(code) = sum_k w_k N(code; mean_k, L_k L_k^T), computed in float32 at least.

    Attributes:
        log_weights: log w_k, shape (K,), normalised.
        means: Shape (K, code_dim).
        scale_trils: The lower triangular L_k, shape (K, code_dim, code_dim).
    """

    log_weights: Tensor
    means: Tensor
    scale_trils: Tensor

    def parts_log_prob(self, code: Tensor) -> Tensor:
        """Log-densities of all components at codes (N, code_dim) in nats: shape (N, K)."""
        with single_precision(code.device):
            code = at_least_single(code)
            found: Tensor = self._parts().log_prob(code[:, None])  # type: ignore[no-untyped-call]
            return found

    def log_prob(self, code: Tensor) -> Tensor:
        """Log-density of codes (N, code_dim) in nats, shape (N,)."""
        return torch.logsumexp(self.log_weights + self.parts_log_prob(code), dim=1)

    def responsibilities(self, code: Tensor) -> Tensor:
        """p(k | code) of codes (N, code_dim): shape (N, K), rows sum to 1."""
        return torch.softmax(self.log_weights + self.parts_log_prob(code), dim=1)

    def distribution(self) -> MixtureSameFamily:
        """This mixture as an object of torch, with event shape (code_dim,)."""
        weights = Categorical(logits=self.log_weights, validate_args=False)
        return MixtureSameFamily(weights, self._parts(), validate_args=False)

    def _parts(self) -> MultivariateNormal:
        return MultivariateNormal(self.means, scale_tril=self.scale_trils, validate_args=False)
