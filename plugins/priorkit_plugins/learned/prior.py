"""The learned prior of Wang et al. 2020."""

import torch
from torch import Tensor

from priorkit.interfaces import CodeGenerator, Learning, Prior

__all__ = ["LearnedPrior"]


class LearnedPrior(Prior):
    """p(code): the distribution of z_c = CG(z) for z ~ N(0, I).

    It can be sampled but has no density. It is trained in the prior improvement phase (Eq. 4).

    Args:
        code_generator: CG, from noise (N, noise_dim) to codes (N, code_dim).
    """

    learning = Learning.ADVERSARIAL

    def __init__(self, code_generator: CodeGenerator) -> None:
        super().__init__()
        self.code_generator = code_generator
        self.code_dim = code_generator.code_dim

    def noise(self, n: int, *, generator: torch.Generator | None = None, device: torch.device | None = None) -> Tensor:
        """Draws z ~ N(0, I), shape (n, noise_dim)."""
        return torch.randn(n, self.code_generator.noise_dim, generator=generator, device=device)

    def forward(self, noise: Tensor) -> Tensor:
        """z_c = CG(z): from noise (N, noise_dim) to codes (N, code_dim)."""
        codes: Tensor = self.code_generator(noise)
        return codes
