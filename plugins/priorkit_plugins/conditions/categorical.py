"""A class drawn at random as the condition."""

import torch
from torch import Tensor

from priorkit.interfaces import Condition, Recovery
from priorkit_plugins.conditions.changes import ImageChanges
from priorkit_plugins.conditions.one_hot import one_hot, recovery_loss
from priorkit_plugins.conditions.self_labelling import SelfLabelling

__all__ = ["CategoricalCondition"]


class CategoricalCondition(Condition):
    """s ~ Categorical(1/K), one-hot: the unsupervised setting (Section III-C of Wang et al. 2020).

    D_C does not see it. Q learns from generated images (Eq. 7), so that a class is whatever the generator made of it
    first; or it labels real images itself, and the generator follows.

    Args:
        classes: K, at least 2.
        weight: Weight of the mutual information for those who generate.
        self_labelling: How Q labels images itself; None where it learns from generated images.
        changes: Which changes of an image keep its class; for a Q that labels images itself.
    """

    def __init__(
        self,
        classes: int = 10,
        weight: float = 1.0,
        *,
        self_labelling: SelfLabelling | None = None,
        changes: ImageChanges | None = None,
    ) -> None:
        super().__init__()
        self.dim = self.classes = classes
        self.recovery_weight = weight
        self.recovery = Recovery.GENERATED
        self.self_labelling = self_labelling
        self.changes = changes
        if self_labelling is not None:
            assert changes is not None, "a Q that labels images itself needs changes of them"
            self.recovery = Recovery.SELF_LABELLED
            # The classes' shares are those of a batch.
            self.needs_whole_batch = True

    def draw(self, n: int, *, generator: torch.Generator | None = None, device: torch.device | None = None) -> Tensor:
        """Classes with equal probabilities, one-hot (n, K)."""
        return one_hot(torch.randint(self.dim, (n,), generator=generator, device=device), self.dim)

    def recovery_loss(self, recovered: Tensor, condition: Tensor) -> Tensor:
        """Cross-entropy of Q's logits (N, K) and the one-hot s, in nats."""
        return recovery_loss(recovered, condition)

    def change_noise(
        self, n: int, *, generator: torch.Generator | None = None, device: torch.device | None = None
    ) -> Tensor:
        """Uniform numbers in [-1, 1), as many for each image as its change takes."""
        if self.changes is None:
            return super().change_noise(n, generator=generator, device=device)
        return 2 * torch.rand(n, self.changes.numbers, generator=generator, device=device) - 1

    def changed(self, images: Tensor, noise: Tensor) -> Tensor:
        """Images (N, C, H, W), each changed by its own numbers."""
        if self.changes is None:
            return super().changed(images, noise)
        return self.changes(images, noise)

    def self_labelling_terms(self, recovered: Tensor, changed: Tensor) -> dict[str, Tensor]:
        """`information` and `consistency` of Q's logits (N, K)."""
        if self.self_labelling is None:
            return super().self_labelling_terms(recovered, changed)
        return self.self_labelling.terms(recovered, changed)
