"""The condition: a random class with given frequencies."""

from collections.abc import Sequence

import torch
from priorkit.interfaces import Condition, Recovery
from torch import Tensor
from torch.nn.functional import cross_entropy

__all__ = ["PlugInNameCondition"]


class PlugInNameCondition(Condition):
    """s ~ Categorical(frequencies), one-hot.

    The classifier Q learns from generated images, because only their classes are known.

    Args:
        frequencies: Frequencies of at least two classes, above 0; only their ratios matter.
        weight: Weight of the mutual information in the generator's loss.
    """

    recovery = Recovery.GENERATED
    bounds: Tensor

    def __init__(self, frequencies: Sequence[float], weight: float = 1.0) -> None:
        super().__init__()
        self.dim = self.classes = len(frequencies)
        self.recovery_weight = weight
        shares = torch.tensor(frequencies, dtype=torch.float64)
        # The upper bound in [0, 1) of each class except the last.
        self.register_buffer("bounds", (shares / shares.sum()).cumsum(0)[:-1].float())

    def draw(self, n: int, *, generator: torch.Generator | None = None, device: torch.device | None = None) -> Tensor:
        """Random classes with these frequencies, one-hot (n, classes)."""
        uniform = torch.rand(n, 1, generator=generator, device=device)
        drawn = (uniform >= self.bounds.to(uniform.device)).sum(1, keepdim=True)
        # torch's one_hot would wait for the device.
        return (drawn == torch.arange(self.dim, device=uniform.device)).float()

    def recovery_loss(self, recovered: Tensor, condition: Tensor) -> Tensor:
        """Cross-entropy of Q's logits (N, classes) and the one-hot s (N, classes), in nats."""
        return cross_entropy(recovered.float(), condition)
