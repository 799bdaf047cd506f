"""Reconstruction losses on pixels."""

import torch
from torch import Tensor

from priorkit.interfaces import ImageCritic, ReconstructionLoss

__all__ = ["PixelLoss"]

_CLOSEST = 1e-6
"""How close to 0 and 1 a reconstructed probability may come: float32 resolves it, and its logarithm stays finite."""


class PixelLoss(ReconstructionLoss):
    """A distance of pixels, over the pixels of each image and averaged over the batch.

    Args:
        distance: `squared`, (x' - x)^2; `absolute`, |x' - x|; or `cross-entropy` of (1 + x) / 2 and (1 + x') / 2 as
            Bernoulli probabilities, in nats.
        reduction: `mean` or `sum` over the pixels of an image.
        weight: Factor of the loss.
    """

    def __init__(self, distance: str = "squared", reduction: str = "mean", weight: float = 1.0) -> None:
        super().__init__()
        self.distance = distance
        self.reduction = reduction
        self.weight = weight

    def forward(self, reconstruction: Tensor, image: Tensor, image_critic: ImageCritic | None = None) -> Tensor:
        """The loss of reconstructions (N, C, H, W) in [-1, 1], a float32 scalar."""
        given, wanted = reconstruction.float().flatten(1), image.detach().float().flatten(1)
        match self.distance:
            case "squared":
                distances = (given - wanted).square()
            case "absolute":
                distances = (given - wanted).abs()
            case "cross-entropy":
                # Squeezed, not clipped: a pixel that is utterly wrong keeps a gradient to come back by.
                probability = _CLOSEST + (1 - 2 * _CLOSEST) * (1 + given) / 2
                target = (1 + wanted) / 2
                distances = -(target * torch.log(probability) + (1 - target) * torch.log1p(-probability))
            case _:
                raise AssertionError(f"no distance {self.distance!r}")
        return self.weight * (distances.sum(1) if self.reduction == "sum" else distances.mean(1)).mean()
