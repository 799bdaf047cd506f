"""The Charbonnier distance of pixels."""

import torch
from priorkit.interfaces import ImageCritic, ReconstructionLoss
from torch import Tensor

__all__ = ["PlugInNameLoss"]


class PlugInNameLoss(ReconstructionLoss):
    """Mean over pixels of sqrt(e^2 + t^2) - t, where e is the pixel's error and t the threshold.

    The distance is about e^2 / (2 t) far below the threshold and |e| - t far above it, and smooth everywhere.

    Args:
        threshold: t, at least 1e-3, so that float32 resolves its square. Errors of pixels in [-1, 1] are at most 2.
        weight: Factor of the loss, above 0.
    """

    def __init__(self, threshold: float = 0.1, weight: float = 1.0) -> None:
        super().__init__()
        self.threshold = threshold
        self.weight = weight

    def forward(self, reconstruction: Tensor, image: Tensor, image_critic: ImageCritic | None = None) -> Tensor:
        """The loss of reconstructions (N, C, H, W) of images, both in [-1, 1]: a float32 scalar of at least 0."""
        squares = (reconstruction.float() - image.detach().float()).square()
        # sqrt(e^2 + t^2) - t, rewritten without cancellation for small e.
        distances = squares / (torch.sqrt(squares + self.threshold**2) + self.threshold)
        return self.weight * distances.mean()
