"""Independent groups of classes as a prior, uniform or learned."""

import torch
from torch import Tensor, nn

from priorkit.interfaces import Learning, Prior, Space, Support
from priorkit_plugins.categorical_codes.distribution import OneHotGroups
from priorkit_plugins.single_precision import at_least_single

__all__ = ["CategoricalPrior"]


class CategoricalPrior(Prior):
    """p(code): independent groups, each of one class out of several, as one-hot vectors.

    Args:
        code_dim: groups * classes.
        classes: Classes of each group, at least 2.
        learned: Whether probabilities learn by likelihood; otherwise they are uniform.
    """

    logits: Tensor
    has_density = True

    def __init__(self, code_dim: int, classes: int, *, learned: bool = False) -> None:
        super().__init__()
        self.code_dim = code_dim
        self.support = Support(Space.ONE_HOT, groups=code_dim // classes)
        self.learning = Learning.LIKELIHOOD if learned else Learning.FIXED
        logits = torch.zeros(code_dim // classes, classes)
        if learned:
            self.logits = nn.Parameter(logits)
        else:
            self.register_buffer("logits", logits)

    def noise(self, n: int, *, generator: torch.Generator | None = None, device: torch.device | None = None) -> Tensor:
        """Standard normal noise of shape (n, code_dim)."""
        return torch.randn(n, self.code_dim, generator=generator, device=device)

    def forward(self, noise: Tensor, condition: Tensor | None = None) -> Tensor:
        """Turns noise (N, code_dim) into one-hot codes (N, code_dim): the largest logits plus Gumbel noise."""
        gumbel = -torch.log(-torch.special.log_ndtr(at_least_single(noise)))
        scores = self.logits.detach() + gumbel.view(-1, *self.logits.shape)
        return self.distribution().one_hot(scores)

    def log_prob(self, code: Tensor, condition: Tensor | None = None) -> Tensor:
        """Log-probability of codes (N, code_dim) in nats, shape (N,); minus infinity for codes that are not one-hot."""
        return self.distribution().log_prob(at_least_single(code))

    def distribution(self) -> OneHotGroups:
        """This prior as a distribution with event shape (code_dim,)."""
        return OneHotGroups(self.logits)
