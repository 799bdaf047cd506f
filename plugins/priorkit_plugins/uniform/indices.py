"""A uniform distribution over the entries of a codebook."""

import math

import torch
from torch import Tensor

from priorkit.interfaces import CodeKind, CodeSpace, Prior
from priorkit_plugins.indices import require_indices

__all__ = ["UniformIndicesPrior"]


class UniformIndicesPrior(Prior):
    """p(indices) = entries^-code_dim: all are equally likely, without parameters.

    The prior with which the autoencoder of a VQ-VAE is trained, before another prior is fitted to its indices (van den
    Oord et al. 2017, arXiv:1711.00937, Section 3.1).

    Args:
        codes: The indices' space.

    Raises:
        ValueError: Codes are not indices.
    """

    kinds = (CodeKind.INDICES,)
    has_density = True

    def __init__(self, codes: CodeSpace) -> None:
        super().__init__()
        require_indices(codes)
        self.code_dim, self.entries = codes.dim, codes.entries

    def noise(self, n: int, *, generator: torch.Generator | None = None, device: torch.device | None = None) -> Tensor:
        """A uniform number for each index: shape (n, code_dim)."""
        return torch.rand(n, self.code_dim, generator=generator, device=device)

    def forward(self, noise: Tensor, condition: Tensor | None = None) -> Tensor:
        """Turns uniform noise (N, code_dim) into indices: int64 (N, code_dim)."""
        # A number just below 1 may be rounded up to the number of entries.
        return (noise * self.entries).long().clamp(max=self.entries - 1)

    def log_prob(self, code: Tensor, condition: Tensor | None = None) -> Tensor:
        """Log-probability of indices (N, code_dim) in nats, shape (N,): the same for all."""
        return torch.full((len(code),), -self.code_dim * math.log(self.entries), device=code.device)
