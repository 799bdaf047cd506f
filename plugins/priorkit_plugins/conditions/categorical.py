"""A class drawn at random as the condition."""

import torch
from torch import Tensor

from priorkit.interfaces import Condition, Recovery
from priorkit_plugins.conditions.one_hot import one_hot, recovery_loss

__all__ = ["CategoricalCondition"]


class CategoricalCondition(Condition):
    """s ~ Categorical(1/K), one-hot: the unsupervised setting (Section III-C of Wang et al. 2020).

    D_C does not see it. Q learns from generated images, as nothing else says which class an image has.

    Args:
        classes: K, at least 2.
        weight: Weight of the mutual information for those who generate.
    """

    recovery = Recovery.GENERATED

    def __init__(self, classes: int = 10, weight: float = 1.0) -> None:
        super().__init__()
        self.dim = self.classes = classes
        self.recovery_weight = weight

    def draw(self, n: int, *, generator: torch.Generator | None = None, device: torch.device | None = None) -> Tensor:
        """Classes with equal probabilities, one-hot (n, K)."""
        return one_hot(torch.randint(self.dim, (n,), generator=generator, device=device), self.dim)

    def recovery_loss(self, recovered: Tensor, condition: Tensor) -> Tensor:
        """Cross-entropy of Q's logits (N, K) and the one-hot s, in nats."""
        return recovery_loss(recovered, condition)
