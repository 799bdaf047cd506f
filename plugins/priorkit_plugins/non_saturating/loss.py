"""The non-saturating adversarial loss."""

from torch import Tensor
from torch.nn.functional import softplus

from priorkit.interfaces import AdversarialLoss

__all__ = ["NonSaturatingLoss"]


class NonSaturatingLoss(AdversarialLoss):
    """Cross-entropy on logits, with D = sigmoid(logits).

    The critic minimises -log D(x) - log(1 - D(x')), the negative of Eq. 4 and Eq. 5 of Wang et al. 2020; the generator
    minimises -log D(x'), which has a gradient where log(1 - D(x')) is flat (Goodfellow et al. 2014).

    Args:
        smoothing: The target of real samples is 1 - smoothing (Salimans et al. 2016, arXiv:1606.03498).
    """

    def __init__(self, smoothing: float = 0.0) -> None:
        super().__init__()
        self.smoothing = smoothing

    def real(self, logits: Tensor) -> Tensor:
        """Mean of -(1 - smoothing) log D - smoothing log(1 - D) over logits (N,)."""
        logits = logits.float()
        # -log(1 - D) = softplus(logits) = softplus(-logits) + logits
        return (softplus(-logits) + self.smoothing * logits).mean()

    def fake(self, logits: Tensor) -> Tensor:
        """Mean of -log(1 - D) over logits (N,)."""
        return softplus(logits.float()).mean()

    def generator(self, logits: Tensor) -> Tensor:
        """Mean of -log D over logits (N,)."""
        return softplus(-logits.float()).mean()
