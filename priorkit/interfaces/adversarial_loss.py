"""The adversarial loss: what critics and those who fool them minimise."""

import abc
from collections.abc import Callable

from torch import Tensor, nn

__all__ = ["AdversarialLoss"]


class AdversarialLoss(nn.Module, abc.ABC):
    """A two-player loss on a critic's outputs, logits of shape (N,). Each part is a float32 scalar to be minimised.

    The critic minimises `real(D(x)) + fake(D(x'))`, where several kinds of fakes add up, and `penalty` if the loss has
    one; the generator minimises `generator(D(x'))`.

    Every critic has a loss of its own, which may keep buffers: they are saved with the run. They may be changed, in
    place and by tensor arithmetic alone, by `real` and `fake` while gradients are recorded, in training mode.

    Attributes:
        has_penalty: Whether the critic minimises `penalty` too.
        needs_whole_batch: Whether the loss must see every sample of a batch in one process: because it compares them
            with each other, or keeps in a buffer what depends on them. Several processes are then refused.
    """

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

    def penalty(self, critic: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor, mixing: Tensor) -> Tensor:
        """What the critic minimises beside `real` and `fake`; called only if `has_penalty` is True.

        Args:
            critic: From samples (N, ...) to logits (N,).
            real: Real samples, shape (N, ...), detached.
            fake: Generated samples, same shape, detached.
            mixing: Uniform in [0, 1), shape (N,): where each sample lies between its real and its generated one.
        """
        raise AssertionError(f"{type(self).__name__} has no penalty")
