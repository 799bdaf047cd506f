"""The hinge adversarial loss."""

from torch import Tensor
from torch.nn.functional import relu

from priorkit.interfaces import AdversarialLoss

__all__ = ["HingeLoss"]


class HingeLoss(AdversarialLoss):
    """max(0, 1 - D(x)) + max(0, 1 + D(x')) for the critic, -D(x') for the generator.

    That is the geometric GAN of Lim and Ye 2017 in the form of Miyato et al. 2018 (Eq. 16 and 17).
    """

    def real(self, logits: Tensor) -> Tensor:
        """Mean of max(0, 1 - D) over outputs (N,)."""
        return relu(1 - logits.float()).mean()

    def fake(self, logits: Tensor) -> Tensor:
        """Mean of max(0, 1 + D) over outputs (N,)."""
        return relu(1 + logits.float()).mean()

    def generator(self, logits: Tensor) -> Tensor:
        """Mean of -D over outputs (N,)."""
        return -logits.float().mean()
