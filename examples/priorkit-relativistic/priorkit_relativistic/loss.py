"""The relativistic adversarial loss."""

from priorkit.interfaces import AdversarialLoss, Comparison
from torch import Tensor
from torch.nn.functional import softplus

__all__ = ["RelativisticLoss"]


class RelativisticLoss(AdversarialLoss):
    """Cross-entropy of relative logits: how much more real a sample looks than samples of the other kind.

    Relative to the mean of the other kind's logits, this is the relativistic average GAN of Jolicoeur-Martineau 2019
    (Eq. 6 and 7); in pairs, the relativistic standard GAN (Eq. 4 and 5), whose two critic terms are equal.

    Args:
        average: Whether logits are compared with the mean of the other kind's logits.
    """

    def __init__(self, *, average: bool = True) -> None:
        super().__init__()
        self.comparison = Comparison.AVERAGE if average else Comparison.PAIRED
        # The mean over a part of the batch differs from that over the whole batch.
        self.needs_whole_batch = average

    def real(self, logits: Tensor) -> Tensor:
        """Mean of -log sigmoid of relative logits (N,)."""
        return softplus(-logits.float()).mean()

    def fake(self, logits: Tensor) -> Tensor:
        """Mean of -log(1 - sigmoid) of relative logits (N,)."""
        return softplus(logits.float()).mean()

    def generator(self, logits: Tensor) -> Tensor:
        """Mean of -log sigmoid of relative logits (N,)."""
        return softplus(-logits.float()).mean()
