"""The reconstruction loss: how far a reconstruction is from its image."""

import abc

from torch import Tensor, nn

from priorkit.interfaces.networks import ImageCritic

__all__ = ["ReconstructionLoss"]


class ReconstructionLoss(nn.Module, abc.ABC):
    """L_rec (Eq. 6 of Wang et al. 2020): a scalar, the mean over the batch.

    Attributes:
        needs_image_critic: Whether the loss reads the image discriminator's features, which must then be trained.
    """

    needs_image_critic: bool = False

    @abc.abstractmethod
    def forward(self, reconstruction: Tensor, image: Tensor, image_critic: ImageCritic | None = None) -> Tensor:
        """Returns the loss, a float32 scalar, at least 0 and differentiable with respect to `reconstruction` only.

        Args:
            reconstruction: Shape (N, C, H, W), values in [-1, 1].
            image: The originals, same shape and range.
            image_critic: The image discriminator, given whenever `needs_image_critic` is True. The caller sees to it
                that this pass moves none of its statistics and trains none of its weights.
        """
