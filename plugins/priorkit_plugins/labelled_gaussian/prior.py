"""The prior of conditional AAEs: the condition concatenated with Gaussian noise."""

import torch
from torch import Tensor

from priorkit.interfaces import Prior

__all__ = ["LabelledGaussianPrior"]


class LabelledGaussianPrior(Prior):
    """code = [s; z] with z ~ N(0, I), without parameters: the AAE baselines of Figs. 10 and 12 of Wang et al. 2020.

    It has no density: s takes single values only (the corners of a simplex, for classes).

    Args:
        code_dim: Dimensions of a code, more than those of s.
        condition_dim: Dimensions of s, at least 1.
    """

    takes_condition = True

    def __init__(self, code_dim: int, condition_dim: int) -> None:
        super().__init__()
        self.code_dim = code_dim
        self.noise_dim = code_dim - condition_dim

    def noise(self, n: int, *, generator: torch.Generator | None = None, device: torch.device | None = None) -> Tensor:
        """Draws z ~ N(0, I), shape (n, code_dim - condition_dim)."""
        return torch.randn(n, self.noise_dim, generator=generator, device=device)

    def forward(self, noise: Tensor, condition: Tensor | None = None) -> Tensor:
        """Concatenates s (N, condition_dim) and noise z (N, code_dim - condition_dim) to codes (N, code_dim).

        Raises:
            ValueError: s is not given.
        """
        if condition is None:
            raise ValueError("a prior whose codes are [s; z] needs the condition s of every code")
        return torch.cat([condition.to(noise.dtype), noise], dim=1)
