"""The learned prior of Wang et al. 2020."""

import torch
from torch import Tensor

from priorkit.interfaces import CodeGenerator, Learning, Prior

__all__ = ["LearnedPrior"]


class LearnedPrior(Prior):
    """p(code) or p(code | s): the distribution of z_c = CG(z), or of CG(z, s), for z ~ N(0, I).

    It can be sampled but has no density. It is trained in the prior improvement phase (Eq. 4).

    Args:
        code_generator: CG, from [z; s] of shape (N, noise_dim + condition_dim) to codes (N, code_dim).
        condition_dim: Dimensions of the condition s; 0 for none.
    """

    learning = Learning.ADVERSARIAL

    def __init__(self, code_generator: CodeGenerator, condition_dim: int = 0) -> None:
        super().__init__()
        self.code_generator = code_generator
        self.code_dim = code_generator.code_dim
        self.noise_dim = code_generator.noise_dim - condition_dim
        self.takes_condition = condition_dim > 0

    def noise(self, n: int, *, generator: torch.Generator | None = None, device: torch.device | None = None) -> Tensor:
        """Draws z ~ N(0, I), shape (n, noise_dim)."""
        return torch.randn(n, self.noise_dim, generator=generator, device=device)

    def forward(self, noise: Tensor, condition: Tensor | None = None) -> Tensor:
        """z_c = CG(z) or CG(z, s): from noise (N, noise_dim), and s (N, condition_dim), to codes (N, code_dim)."""
        codes: Tensor = self.code_generator(noise if condition is None else torch.cat([noise, condition], dim=1))
        return codes
