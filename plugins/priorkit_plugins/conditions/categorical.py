"""The condition `categorical`: a random class, whose meaning is learned."""

import math

import torch
from torch import Tensor

from priorkit.interfaces import Condition, Recovery
from priorkit_plugins.conditions.changes import ImageChanges
from priorkit_plugins.conditions.one_hot import one_hot, recovery_loss
from priorkit_plugins.conditions.self_labelling import SelfLabelling

__all__ = ["CategoricalCondition"]


class CategoricalCondition(Condition):
    """s ~ Categorical(1/K), one-hot: the unsupervised setting (Section III-C of Wang et al. 2020).

    D_C does not see s. Q learns either from generated images (Eq. 7), and the generator decides what a class means; or
    from real images without labels, and Q decides.

    In addition to the class, s may have continuous codes, uniform in [-1, 1] (Chen et al. 2016, arXiv:1606.03657,
    Section 7.2), which Q recovers as the means of Gaussians of variance 1.

    Args:
        classes: K, at least 2.
        weight: Weight of the mutual information in the generator's loss.
        continuous: Number of continuous codes.
        self_labelling: The loss by which Q learns without labels; None if it learns from generated images.
        changes: Augmentations that keep an image's class, if Q learns without labels.
    """

    def __init__(
        self,
        classes: int = 10,
        weight: float = 1.0,
        continuous: int = 0,
        *,
        self_labelling: SelfLabelling | None = None,
        changes: ImageChanges | None = None,
    ) -> None:
        super().__init__()
        self.classes = classes
        self.dim = classes + continuous
        self.recovery_weight = weight
        self.recovery = Recovery.GENERATED
        self.self_labelling = self_labelling
        self.changes = changes
        if self_labelling is not None:
            assert changes is not None, "a Q that learns without labels needs changes of images"
            assert continuous == 0, "Q learns continuous codes from generated images"
            self.recovery = Recovery.SELF_LABELLED
            # The classes' shares are estimated from the whole batch.
            self.needs_whole_batch = True

    def draw(self, n: int, *, generator: torch.Generator | None = None, device: torch.device | None = None) -> Tensor:
        """Classes with equal probabilities, one-hot, then continuous codes: (n, K + continuous)."""
        classes = one_hot(torch.randint(self.classes, (n,), generator=generator, device=device), self.classes)
        if self.dim == self.classes:
            return classes
        codes = 2 * torch.rand(n, self.dim - self.classes, generator=generator, device=device) - 1
        return torch.cat([classes, codes], dim=1)

    def recovery_loss(self, recovered: Tensor, condition: Tensor) -> Tensor:
        """Cross-entropy of Q's logits and the one-hot class, and -E[log N(c; mean, I)] of continuous codes, in nats."""
        k = self.classes
        loss = recovery_loss(recovered[:, :k], condition[:, :k])
        if self.dim == k:
            return loss
        squares = (recovered[:, k:].float() - condition[:, k:]).square().sum(1)
        return loss + 0.5 * (squares.mean() + (self.dim - k) * math.log(2 * math.pi))

    def change_noise(
        self, n: int, *, generator: torch.Generator | None = None, device: torch.device | None = None
    ) -> Tensor:
        """Uniform numbers in [-1, 1), as many for each image as its change needs."""
        if self.changes is None:
            return super().change_noise(n, generator=generator, device=device)
        return 2 * torch.rand(n, self.changes.numbers, generator=generator, device=device) - 1

    def changed(self, images: Tensor, noise: Tensor) -> Tensor:
        """Images (N, C, H, W), each changed by its own random numbers."""
        if self.changes is None:
            return super().changed(images, noise)
        return self.changes(images, noise)

    def self_labelling_terms(self, recovered: Tensor, changed: Tensor) -> dict[str, Tensor]:
        """`information` and `consistency` of Q's logits (N, K)."""
        if self.self_labelling is None:
            return super().self_labelling_terms(recovered, changed)
        return self.self_labelling.terms(recovered, changed)
