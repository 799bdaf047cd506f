"""Conditioning augmentation: a code generator gets random vectors near a condition instead of the condition."""

import torch
from torch import Tensor, nn

from priorkit_plugins.single_precision import at_least_single
from priorkit_plugins.soft_bounds import softly_bounded

__all__ = ["ConditioningAugmentation"]

_LOG_VARIANCES = (-10.0, 10.0)


class ConditioningAugmentation(nn.Module):
    """s_hat ~ N(mu(s), diag sigma(s)^2), where mu and log sigma^2 are affine in s.

    Zhang et al. 2017, StackGAN, arXiv:1612.03242, Section 3.2. It smooths the dependence on conditions if these are
    few, and allows several codes for one condition and the same z. The divergence from N(0, I) keeps sigma from
    vanishing.

    Args:
        dim: Dimensions of s, and of s_hat.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.parameters_of = nn.Linear(dim, 2 * dim)

    def forward(self, condition: Tensor, noise: Tensor) -> Tensor:
        """Turns s (N, dim) and standard normal noise (N, dim) into s_hat (N, dim); float32 even under autocast."""
        mean, log_variance = self.moments(condition)
        return mean + torch.exp(0.5 * log_variance) * noise

    def moments(self, condition: Tensor) -> tuple[Tensor, Tensor]:
        """mu(s), and log sigma(s)^2, between -10 and 10; each (N, dim)."""
        mean, free = at_least_single(self.parameters_of(condition)).chunk(2, dim=1)
        return mean, softly_bounded(free, *_LOG_VARIANCES)

    def divergence(self, condition: Tensor) -> Tensor:
        """KL(N(mu(s), diag sigma(s)^2) || N(0, I)) in nats: the mean over s (N, dim) and dimensions, a scalar."""
        mean, log_variance = self.moments(condition)
        return 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).mean()
