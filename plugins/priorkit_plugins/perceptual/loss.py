"""The perceptual loss."""

import torch
from torch import Tensor

from priorkit.interfaces import ImageCritic, ReconstructionLoss

__all__ = ["PerceptualLoss"]


class PerceptualLoss(ReconstructionLoss):
    """L_rec = ||F(x') - F(x)||^2, averaged over the batch (Eq. 6 of Wang et al. 2020).

    F is a layer of the image discriminator D_I. F(x) is a target without a gradient; the loss trains encoder and
    decoder, never D_I. Eq. 6 is a squared norm, while Section IV-C speaks of the mean squared error; the default is the
    mean, whose scale depends neither on the layer nor on the images' size.

    Args:
        layer: Index of the layer of D_I; -1 is its last convolutional layer, the paper's choice.
        reduction: `mean` or `sum` over the features of an image.
        weight: Factor of the loss.
        pixel: Weight of an additional mean squared error of pixels, for details that D_I's features ignore.
    """

    needs_image_critic = True

    def __init__(self, layer: int = -1, reduction: str = "mean", weight: float = 1.0, pixel: float = 0.0) -> None:
        super().__init__()
        self.layer = layer
        self.reduction = reduction
        self.weight = weight
        self.pixel = pixel

    def forward(self, reconstruction: Tensor, image: Tensor, image_critic: ImageCritic | None = None) -> Tensor:
        """The loss of reconstructions (N, C, H, W) in [-1, 1], a float32 scalar."""
        assert image_critic is not None, "needs_image_critic is True"
        with torch.no_grad():
            wanted = image_critic.features(image, self.layer).float().flatten(1)
        distances = (image_critic.features(reconstruction, self.layer).float().flatten(1) - wanted).square()
        loss = self.weight * (distances.sum(1) if self.reduction == "sum" else distances.mean(1)).mean()
        if self.pixel > 0:
            loss = loss + self.pixel * (reconstruction.float() - image.float()).square().mean()
        return loss
