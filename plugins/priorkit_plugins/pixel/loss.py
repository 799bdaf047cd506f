"""Reconstruction losses on pixels."""

import math

import torch
from torch import Tensor

from priorkit.interfaces import ImageCritic, ReconstructionLoss

__all__ = ["PixelLoss"]

_CLOSEST = 1e-6
"""Smallest distance of a reconstructed probability from 0 and 1, so that its logarithm stays finite in float32."""


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
        self.of_binary_images = distance == "cross-entropy"

    def distances(self, reconstruction: Tensor, image: Tensor) -> Tensor:
        """The distance of every pixel, without the weight; shape (N, C * H * W)."""
        given, wanted = reconstruction.float().flatten(1), image.detach().float().flatten(1)
        match self.distance:
            case "squared":
                return (given - wanted).square()
            case "absolute":
                return (given - wanted).abs()
            case "cross-entropy":
                # Scaled, not clipped, so that a completely wrong pixel keeps a gradient.
                probability = _CLOSEST + (1 - 2 * _CLOSEST) * (1 + given) / 2
                target = (1 + wanted) / 2
                return -(target * torch.log(probability) + (1 - target) * torch.log1p(-probability))
            case _:
                raise AssertionError(f"no distance {self.distance!r}")

    def forward(self, reconstruction: Tensor, image: Tensor, image_critic: ImageCritic | None = None) -> Tensor:
        """The loss of reconstructions (N, C, H, W) in [-1, 1], a float32 scalar."""
        return self.of_distances(self.distances(reconstruction, image))

    def of_distances(self, distances: Tensor) -> Tensor:
        """The loss of distances of pixels (N, C * H * W), a scalar."""
        return self.weight * (distances.sum(1) if self.reduction == "sum" else distances.mean(1)).mean()

    def log_likelihood(self, reconstruction: Tensor, image: Tensor) -> Tensor:
        """Log p(x | x') in nats, shape (N,): minus the summed loss, minus the log of the normalising constant.

        `squared` is a normal distribution of each pixel around x' with variance 1 / (2 weight); `absolute` a Laplace
        distribution with scale 1 / weight; `cross-entropy` a Bernoulli distribution with probability (1 + x') / 2, for
        black and white images; for grey levels it is not a probability, but is returned nonetheless, as is common.
        """
        if self.reduction != "sum":
            raise TypeError("the loss is a mean over pixels; it is a likelihood only with --loss.reduction sum")
        distances = self.distances(reconstruction, image).sum(1)
        pixels = image[0].numel()
        match self.distance:
            case "squared":
                return -self.weight * distances - 0.5 * pixels * math.log(math.pi / self.weight)
            case "absolute":
                return -self.weight * distances - pixels * math.log(2 / self.weight)
            case _:
                if self.weight != 1:
                    raise TypeError(
                        f"weighted by {self.weight}, the cross-entropy is not a likelihood; use --loss.weight 1"
                    )
                return -distances
