"""The learned similarity of VAE/GAN."""

import torch
from torch import Tensor

from priorkit.interfaces import ImageCritic, ReconstructionLoss

__all__ = ["LearnedSimilarityLoss"]


class LearnedSimilarityLoss(ReconstructionLoss):
    """-log N(F(x); F(x'), I) without its constant: ||F(x') - F(x)||^2 / 2, averaged over the batch.

    Eq. 7 and 8 of Larsen et al. 2016; F is a layer of the image discriminator D_I. The sum over features makes it a
    likelihood, comparable with a Kullback-Leibler divergence in nats. The loss trains encoder and decoder, never D_I.
    The paper's gamma, its weight relative to the adversarial loss in the decoder's update, is the run's
    `reconstruction_weight`. With `reconstructions_as_fakes`, D_I also receives reconstructions, as in the paper.

    Args:
        layer: Index of the layer of D_I; -1 is its last convolutional layer.
        weight: Factor of the loss, for encoder and decoder.
    """

    needs_image_critic = True

    def __init__(self, layer: int = -1, weight: float = 1.0) -> None:
        super().__init__()
        self.layer = layer
        self.weight = weight

    def forward(self, reconstruction: Tensor, image: Tensor, image_critic: ImageCritic | None = None) -> Tensor:
        """The loss of reconstructions (N, C, H, W) in [-1, 1] in nats, a float32 scalar."""
        assert image_critic is not None, "needs_image_critic is True"
        with torch.no_grad():
            wanted = image_critic.features(image, self.layer).float().flatten(1)
        distances = (image_critic.features(reconstruction, self.layer).float().flatten(1) - wanted).square().sum(1)
        return self.weight * 0.5 * distances.mean()
