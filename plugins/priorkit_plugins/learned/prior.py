"""The learned prior of Wang et al. 2020."""

import torch
from torch import Tensor

from priorkit.interfaces import CodeGenerator, Learning, Prior
from priorkit_plugins.learned.conditioning_augmentation import ConditioningAugmentation

__all__ = ["LearnedPrior"]


class LearnedPrior(Prior):
    """p(code) or p(code | s): the distribution of z_c = CG(z), or of CG(z, s), for z ~ N(0, I).

    It can be sampled but has no density. It is trained in the prior improvement phase (Eq. 4). With conditioning
    augmentation, z_c = CG(z, s_hat) for an s_hat drawn around s (Zhang et al. 2017, StackGAN, arXiv:1612.03242); as
    there, D_I and Q use s itself.

    Args:
        code_generator: CG, from [z; s] of shape (N, noise_dim + condition_dim) to codes (N, code_dim).
        condition_dim: Dimensions of the condition s; 0 for none.
        conditioning_augmentation: Weight of the divergence of s_hat from N(0, I), per dimension; 0 if CG gets s itself.
    """

    learning = Learning.ADVERSARIAL

    def __init__(
        self, code_generator: CodeGenerator, condition_dim: int = 0, *, conditioning_augmentation: float = 0.0
    ) -> None:
        super().__init__()
        self.code_generator = code_generator
        self.code_dim = code_generator.code_dim
        self.noise_dim = code_generator.noise_dim - condition_dim
        self.takes_condition = condition_dim > 0
        self.augmentation_weight = conditioning_augmentation
        self.augmentation = ConditioningAugmentation(condition_dim) if conditioning_augmentation else None
        self.drawn_dim = self.noise_dim + (condition_dim if conditioning_augmentation else 0)

    def noise(self, n: int, *, generator: torch.Generator | None = None, device: torch.device | None = None) -> Tensor:
        """Draws z ~ N(0, I), (n, noise_dim); with augmentation, followed by the noise of s_hat, (n, condition_dim)."""
        return torch.randn(n, self.drawn_dim, generator=generator, device=device)

    def forward(self, noise: Tensor, condition: Tensor | None = None) -> Tensor:
        """z_c = CG(z), CG(z, s) or CG(z, s_hat): turns noise, and s (N, condition_dim) if used, into codes."""
        if self.augmentation is not None:
            assert condition is not None, "a prior that takes s needs s"
            noise, own = noise[:, : self.noise_dim], noise[:, self.noise_dim :]
            condition = self.augmentation(condition, own)
        codes: Tensor = self.code_generator(noise if condition is None else torch.cat([noise, condition], dim=1))
        return codes

    def condition_loss(self, condition: Tensor) -> Tensor | None:
        """The weighted divergence of s_hat from N(0, I) if s (N, condition_dim) is augmented; otherwise None."""
        return None if self.augmentation is None else self.augmentation_weight * self.augmentation.divergence(condition)
