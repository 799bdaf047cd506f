"""A reconstruction loss whose weight is a Lagrange multiplier."""

import torch
from torch import Tensor

from priorkit.interfaces import ImageCritic, ReconstructionLoss
from priorkit_plugins.pixel.loss import PixelLoss

__all__ = ["ConstrainedPixelLoss"]

_KEPT = 0.9
"""Decay of the constraint's moving average in each update (alpha of Algorithm 1). The paper's 0.99 remembers hundreds
of steps, much of a run here: the multiplier kept rising long after the tolerance was met."""
_BOUND = 7.0
"""Bound on the multiplier's logarithm, in case that the constraint cannot be met."""


class ConstrainedPixelLoss(ReconstructionLoss):
    """The loss times a multiplier lambda, which holds the mean distance of pixels at a tolerance (GECO).

    After Algorithm 1 of Rezende and Viola 2018: lambda starts at 1 and is multiplied by exp(rate c) in every update,
    where c is a moving average of the relative deviation of the batch's mean distance from the tolerance, at most 1:
    the first reconstructions deviate many times over, and lambda would take equally long to recover. While
    reconstructions are worse than the tolerance, their weight grows; otherwise it falls.

    Args:
        loss: The loss of pixels.
        tolerance: The target for the mean distance of two pixels.
        rate: Learning rate of the multiplier.
    """

    needs_whole_batch = True
    log_multiplier: Tensor
    missed: Tensor
    updates: Tensor

    def __init__(self, loss: PixelLoss, tolerance: float, rate: float = 0.01) -> None:
        super().__init__()
        self.loss = loss
        self.tolerance = tolerance
        self.rate = rate
        self.of_binary_images = loss.of_binary_images
        # Tensors: saved with the run, and updated without waiting for the device.
        self.register_buffer("log_multiplier", torch.zeros(()))
        self.register_buffer("missed", torch.zeros(()))
        self.register_buffer("updates", torch.zeros((), dtype=torch.int64))

    def forward(self, reconstruction: Tensor, image: Tensor, image_critic: ImageCritic | None = None) -> Tensor:
        """The weighted loss of reconstructions (N, C, H, W) in [-1, 1], a float32 scalar."""
        distances = self.loss.distances(reconstruction, image)
        weighted = self.log_multiplier.exp() * self.loss.of_distances(distances)
        if self.training and torch.is_grad_enabled():
            self._update((distances.detach().mean() / self.tolerance - 1).clamp(max=1))
        return weighted

    @torch.no_grad()
    def _update(self, missed: Tensor) -> None:
        # The first value initialises the average.
        kept = torch.where(self.updates == 0, 0.0, _KEPT)
        self.missed.copy_(kept * self.missed + (1 - kept) * missed)
        self.log_multiplier.add_(self.rate * self.missed).clamp_(-_BOUND, _BOUND)
        self.updates.add_(1)

    def log_likelihood(self, reconstruction: Tensor, image: Tensor) -> Tensor:
        """Not available for this loss.

        Raises:
            TypeError: Always.
        """
        raise TypeError(
            "the loss has a multiplier that adapts to a tolerance; it is a likelihood only without --loss.tolerance"
        )
