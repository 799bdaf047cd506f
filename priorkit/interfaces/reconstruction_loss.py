"""The reconstruction loss: how far a reconstruction is from its image."""

import abc

from torch import Tensor, nn

from priorkit.interfaces.networks import ImageCritic

__all__ = ["ReconstructionLoss"]


class ReconstructionLoss(nn.Module, abc.ABC):
    """L_rec (Eq. 6 of Wang et al. 2020): a scalar, the mean over the batch.

    Attributes:
        needs_whole_batch: Whether the loss compares the images of a batch with each other. Such a loss cannot be used
            in several processes, each of which has a part of the batch.
        needs_image_critic: Whether the loss reads the image discriminator's features; the run then trains an image
            discriminator.
        of_binary_images: Whether `log_likelihood` is defined for black and white images only (a Bernoulli likelihood).

    Examples:
        >>> import torch
        >>> from priorkit.interfaces import ReconstructionLoss
        >>> class AbsoluteError(ReconstructionLoss):
        ...     def forward(self, reconstruction, image, image_critic=None):
        ...         return (reconstruction.float() - image.float()).abs().mean()
        >>> AbsoluteError()(torch.zeros(2, 1, 16, 16), torch.ones(2, 1, 16, 16))
        tensor(1.)
    """

    needs_image_critic: bool = False
    needs_whole_batch: bool = False
    of_binary_images: bool = False

    @abc.abstractmethod
    def forward(self, reconstruction: Tensor, image: Tensor, image_critic: ImageCritic | None = None) -> Tensor:
        """Returns the loss, a float32 scalar, at least 0 and differentiable with respect to `reconstruction` only.

        Args:
            reconstruction: Shape (N, C, H, W), values in [-1, 1].
            image: The originals, same shape and range.
            image_critic: The image discriminator, given if `needs_image_critic` is True. The caller ensures that this
                pass changes neither its running statistics nor its weights.
        """

    def log_likelihood(self, reconstruction: Tensor, image: Tensor) -> Tensor:
        """Log p(image | code) in nats, float32, shape (N,), with all constants, if the loss is -log p(image | code).

        Args:
            reconstruction: The decoder's output for the codes, shape (N, C, H, W), values in [-1, 1].
            image: The images, same shape and range; densities are those of pixels in [-1, 1].

        Raises:
            TypeError: The loss is not a likelihood; the message says why, in one line.
        """
        raise TypeError(f"{type(self).__name__} is not a likelihood of pixels")
