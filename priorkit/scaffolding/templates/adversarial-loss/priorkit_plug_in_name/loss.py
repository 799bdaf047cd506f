"""The non-saturating adversarial loss with one-sided label smoothing."""

from priorkit.interfaces import AdversarialLoss
from torch import Tensor
from torch.nn.functional import softplus

__all__ = ["PlugInNameLoss"]


class PlugInNameLoss(AdversarialLoss):
    """Cross-entropy with the label 1 - a for real samples and 0 for fakes; -log sigmoid(D(x')) for the generator.

    Labels of fakes stay 0: smoothing them, too, would reward the generator for its current samples.

    Args:
        smoothing: a, at least 0 and below 0.5.
    """

    def __init__(self, smoothing: float = 0.1) -> None:
        super().__init__()
        self.smoothing = smoothing

    def real(self, logits: Tensor) -> Tensor:
        """Mean of -(1 - a) log sigmoid(D) - a log sigmoid(-D) over logits (N,)."""
        logits = logits.float()
        return (softplus(-logits) + self.smoothing * logits).mean()

    def fake(self, logits: Tensor) -> Tensor:
        """Mean of -log sigmoid(-D) over logits (N,)."""
        return softplus(logits.float()).mean()

    def generator(self, logits: Tensor) -> Tensor:
        """Mean of -log sigmoid(D) over logits (N,)."""
        return softplus(-logits.float()).mean()
