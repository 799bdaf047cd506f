"""The adversarial loss: what critics and those who fool them minimise."""

import abc
from collections.abc import Callable
from enum import Enum

from torch import Tensor, nn

__all__ = ["AdversarialLoss", "Comparison"]


class Comparison(Enum):
    """What logits are relative to when a loss gets them (Jolicoeur-Martineau 2019, arXiv:1807.00734)."""

    ALONE = "alone"
    """To nothing: a critic judges every sample by itself."""

    PAIRED = "paired"
    """To the logits of the other kind of samples, one by one: a relativistic GAN."""

    AVERAGE = "average"
    """To the mean of the logits of the other kind in the batch: a relativistic average GAN. Such a loss needs the whole
    batch."""


class AdversarialLoss(nn.Module, abc.ABC):
    """A two-player loss on a critic's outputs, logits of shape (N,). Each part is a float32 scalar to be minimised.

    The critic minimises `real(D(x)) + fake(D(x'))`, where several kinds of fakes add up, and `penalty` if the loss has
    one; the generator minimises `generator(D(x'))`.

    Every critic has a loss of its own, which may keep buffers: they are saved with the run. They may be changed, in
    place and by tensor arithmetic alone, by `real` and `fake` while gradients are recorded, in training mode.

    Attributes:
        comparison: What logits are relative to when `real`, `fake` and `generator` get them.
        has_penalty: Whether the critic minimises `penalty` too.
        needs_whole_batch: Whether the loss must see every sample of a batch in one process: because it compares them
            with each other, or keeps in a buffer what depends on them. Several processes are then refused.

    Examples:
        >>> import torch
        >>> from torch.nn.functional import softplus
        >>> from priorkit.interfaces import AdversarialLoss
        >>> class CrossEntropy(AdversarialLoss):
        ...     def real(self, logits):
        ...         return softplus(-logits.float()).mean()
        ...
        ...     def fake(self, logits):
        ...         return softplus(logits.float()).mean()
        ...
        ...     def generator(self, logits):
        ...         return self.real(logits)
        >>> CrossEntropy().generator(torch.zeros(3))
        tensor(0.6931)
    """

    comparison: Comparison = Comparison.ALONE
    has_penalty: bool = False
    needs_whole_batch: bool = False

    def check(self, critic: nn.Module) -> None:
        """Called once before training, with the critic that this loss is for.

        Args:
            critic: D_I, an `ImageCritic`, or D_C, a module from codes to logits.

        Raises:
            ValueError: The loss cannot work with this critic; the message says what would do.
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

    def compared(self, logits: Tensor, others: Tensor) -> Tensor:
        """Logits as `real`, `fake` and `generator` get them.

        Args:
            logits: Of samples of one kind, shape (N,).
            others: Of samples of the other kind, shape (N,).
        """
        match self.comparison:
            case Comparison.PAIRED:
                return logits.float() - others.float()
            case Comparison.AVERAGE:
                return logits.float() - others.float().mean()
        return logits

    def generator_compared(self, logits: Tensor, real: Tensor) -> Tensor:
        """The generator's loss on its own samples beside real ones.

        Where logits are relative to a mean, real samples count too: they should be no better than generated ones.
        `fake` is then called on them, so a loss of that kind keeps nothing in buffers.

        Args:
            logits: Of generated samples, shape (N,).
            real: Of real samples, shape (N,), detached; not used where logits are relative to nothing.
        """
        loss = self.generator(self.compared(logits, real))
        if self.comparison is Comparison.AVERAGE:
            return loss + self.fake(self.compared(real, logits))
        return loss

    def penalty(self, critic: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor, mixing: Tensor) -> Tensor:
        """What the critic minimises beside `real` and `fake`; called only if `has_penalty` is True.

        Args:
            critic: From samples (N, ...) to logits (N,).
            real: Real samples, shape (N, ...), detached.
            fake: Generated samples, same shape, detached.
            mixing: Uniform in [0, 1), shape (N,): where each sample lies between its real and its generated one.
        """
        raise AssertionError(f"{type(self).__name__} has no penalty")
