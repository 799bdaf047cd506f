"""The hierarchical VampPrior."""

import torch
from torch import Tensor

from priorkit.interfaces import CodeKind, Learning, Prior
from priorkit_plugins.conditional_normal import ConditionalNormal, normal_log_prob
from priorkit_plugins.single_precision import at_least_single
from priorkit_plugins.vampprior.prior import VampPrior

__all__ = ["HierarchicalVampPrior"]


class HierarchicalVampPrior(Prior):
    """p(z1, z2) = p(z1|z2) p(z2) of codes [z1, z2], p(z2) being a VampPrior (Tomczak and Welling 2018, Section 4).

    Args:
        top: p(z2), a mixture of posteriors q(z2|u_k) of learned pseudo-inputs u_k.
        bottom: p(z1|z2), normal.
        code_dim: Dimensions of z1 and z2 together.
    """

    kinds = (CodeKind.VECTOR,)
    learning = Learning.LIKELIHOOD
    has_density = True

    def __init__(self, top: VampPrior, bottom: ConditionalNormal, code_dim: int) -> None:
        super().__init__()
        self.top = top
        self.bottom = bottom
        self.code_dim = code_dim

    def noise(self, n: int, *, generator: torch.Generator | None = None, device: torch.device | None = None) -> Tensor:
        """Shape (n, 1 + code_dim): the noise of z2, a uniform number and normal ones, then that of z1."""
        above = self.top.noise(n, generator=generator, device=device)
        below = torch.randn(n, self.code_dim - self.top.code_dim, generator=generator, device=device)
        return torch.cat([above, below], dim=1)

    def forward(self, noise: Tensor, condition: Tensor | None = None) -> Tensor:
        """Draws z2, then z1 given z2: turns noise (N, 1 + code_dim) into codes [z1, z2] (N, code_dim)."""
        above: Tensor = self.top(noise[:, : 1 + self.top.code_dim])
        mean, log_variance = self.bottom(above)
        below = mean + torch.exp(0.5 * log_variance) * noise[:, 1 + self.top.code_dim :]
        return torch.cat([below, above], dim=1)

    def log_prob(self, code: Tensor, condition: Tensor | None = None) -> Tensor:
        """Log-density of codes [z1, z2] (N, code_dim) in nats, shape (N,): log p(z1|z2) + log p(z2)."""
        code = at_least_single(code)
        below, above = code[:, : -self.top.code_dim], code[:, -self.top.code_dim :]
        return normal_log_prob(below, *self.bottom(above)) + self.top.log_prob(above)
