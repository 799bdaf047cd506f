"""The adversarial loss: what critics and generators minimise."""

import abc
from collections.abc import Callable
from enum import Enum

from torch import Tensor, nn

__all__ = ["AdversarialLoss", "Comparison"]


class Comparison(Enum):
    """What the logits that a loss is given are relative to (Jolicoeur-Martineau 2019, arXiv:1807.00734)."""

    ALONE = "alone"
    """To nothing: the critic judges each sample by itself."""

    PAIRED = "paired"
    """To the logits of the other kind of samples (real or generated), pair by pair: a relativistic GAN."""

    AVERAGE = "average"
    """To the mean of the logits of the other kind in the batch: a relativistic average GAN. Such a loss needs the whole
    batch."""


class AdversarialLoss(nn.Module, abc.ABC):
    """A two-player loss on a critic's outputs, logits of shape (N,). Each part is a float32 scalar to be minimised.

    The critic minimises `real(D(x)) + fake(D(x'))`, where several kinds of fakes add up, and `penalty` if the loss has
    one; the generator minimises `generator(D(x'))`.

    Every critic has its own loss. A loss may keep buffers, which are saved with the run; `real` and `fake` may change
    them in place, by tensor arithmetic, in training mode while gradients are recorded.

    Attributes:
        comparison: What the logits given to `real`, `fake` and `generator` are relative to.
        has_penalty: Whether the critic also minimises `penalty`.
        needs_whole_batch: Whether the loss must see the whole batch in one process, because it compares samples with
            each other or updates a buffer from them. Such a loss cannot be trained in several processes.

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
        """Checks that this loss can train a critic; called once, before training.

        Args:
            critic: D_I, an `ImageCritic`, or D_C, a module from codes to logits.

        Raises:
            ValueError: The loss cannot work with this critic; the message says which critics are supported.
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
        """The logits to give to `real`, `fake` and `generator`, made relative according to `comparison`.

        Args:
            logits: Logits of samples of one kind, real or generated, shape (N,).
            others: Logits of samples of the other kind, shape (N,).
        """
        match self.comparison:
            case Comparison.PAIRED:
                return logits.float() - others.float()
            case Comparison.AVERAGE:
                return logits.float() - others.float().mean()
        return logits

    def generator_compared(self, logits: Tensor, real: Tensor) -> Tensor:
        """The generator's loss, given the logits of both generated and real samples.

        Where logits are relative to a mean, the loss has a second term: real samples should score no higher than
        generated ones. This term calls `fake` on real samples, so a relativistic average loss must not keep buffers.

        Args:
            logits: Logits of generated samples, shape (N,).
            real: Logits of real samples, shape (N,), detached; unused if `comparison` is `Comparison.ALONE`.
        """
        loss = self.generator(self.compared(logits, real))
        if self.comparison is Comparison.AVERAGE:
            return loss + self.fake(self.compared(real, logits))
        return loss

    def penalty(self, critic: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor, mixing: Tensor) -> Tensor:
        """A term that the critic minimises in addition to `real` and `fake`; called only if `has_penalty` is True.

        Args:
            critic: Function from samples (N, ...) to logits (N,).
            real: Real samples, shape (N, ...), detached.
            fake: Generated samples, same shape, detached.
            mixing: Uniform in [0, 1), shape (N,): interpolation weights between each real sample and its generated
                sample.
        """
        raise AssertionError(f"{type(self).__name__} has no penalty")
