"""The condition `labels`: the labels of the data."""

import torch
from torch import Tensor

from priorkit.interfaces import Condition, ImageSet, Recovery
from priorkit_plugins.conditions.one_hot import one_hot, recovery_loss

__all__ = ["LabelsCondition"]


class LabelsCondition(Condition):
    """s is the label of an image, one-hot: the supervised setting (Section III-C of Wang et al. 2020).

    Q(s | x) is a classifier on the image discriminator's trunk. The paper trains it on generated images (Eq. 7). Then
    the mutual information settles on an arbitrary assignment of generated classes to s, which conflicts with the true
    labels that D_C sees (Eq. 8). By default, Q therefore learns from the data's images and labels.

    Args:
        classes: Number of classes.
        labels: The training images' labels, int64 (N,); samples have classes in the same proportions. None to load
            these later.
        seen_by_code_critic: Whether D_C receives s.
        recovery: The images from which Q learns.
        weight: Weight of the mutual information in the generator's loss.

    Raises:
        ValueError: There are fewer than two classes.
    """

    from_data = True
    from_labels = True
    shares: Tensor

    def __init__(
        self,
        classes: int,
        labels: Tensor | None = None,
        *,
        seen_by_code_critic: bool = True,
        recovery: Recovery = Recovery.REAL,
        weight: float = 1.0,
    ) -> None:
        super().__init__()
        if classes < 2:
            raise ValueError(
                f"the data has {classes or 'no'} class{'es' * (not classes)}, and labels need at least two; choose a "
                "data set with labels, or --condition categorical"
            )
        self.dim = self.classes = classes
        self.seen_by_code_critic = seen_by_code_critic
        self.recovery = recovery
        self.recovery_weight = weight
        counts = torch.ones(classes) if labels is None else torch.bincount(labels, minlength=classes).float()
        self.register_buffer("shares", counts / counts.sum())

    def draw(self, n: int, *, generator: torch.Generator | None = None, device: torch.device | None = None) -> Tensor:
        """Random classes in the proportions of the training images, one-hot (n, classes)."""
        shares = self.shares.to(device or "cpu")
        return one_hot(torch.multinomial(shares, n, replacement=True, generator=generator), self.dim)

    def entries(self, images: ImageSet) -> Tensor:
        """The labels, int64 (N,)."""
        if images.labels is None:
            raise ValueError("the data has no labels; choose a data set with labels, or --condition categorical")
        return images.labels

    def vectors(self, entries: Tensor) -> Tensor:
        """Labels (N,) as one-hot vectors (N, classes)."""
        return one_hot(entries, self.dim)

    def recovery_loss(self, recovered: Tensor, condition: Tensor) -> Tensor:
        """Cross-entropy of Q's logits (N, classes) and the one-hot s, in nats."""
        return recovery_loss(recovered, condition)
