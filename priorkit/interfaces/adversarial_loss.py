"""The adversarial loss: what critics and those who fool them minimise."""

import abc

from torch import Tensor, nn

__all__ = ["AdversarialLoss"]


class AdversarialLoss(nn.Module, abc.ABC):
    """A two-player loss on a critic's outputs, logits of shape (N,). Each part is a float32 scalar to be minimised.

    The critic minimises `real(D(x)) + fake(D(x'))`, where several kinds of fakes add up; the generator minimises
    `generator(D(x'))`.
    """

    @abc.abstractmethod
    def real(self, logits: Tensor) -> Tensor:
        """The critic's loss on real samples."""

    @abc.abstractmethod
    def fake(self, logits: Tensor) -> Tensor:
        """The critic's loss on generated samples."""

    @abc.abstractmethod
    def generator(self, logits: Tensor) -> Tensor:
        """The generator's loss on its own samples."""
