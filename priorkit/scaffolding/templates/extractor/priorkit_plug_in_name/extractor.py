"""Random projections of the pixels."""

import hashlib
from collections.abc import Mapping

import torch
from priorkit.interfaces import FeatureExtractor, Features, ImageData, ImageShape
from torch import Tensor

__all__ = ["PlugInNameExtractor"]


class PlugInNameExtractor(FeatureExtractor):
    """features = R x / sqrt(D), where x are the pixels in [-1, 1] and R a D x pixels matrix of standard normal numbers.

    Squared distances of images are kept on average, within a relative standard deviation of sqrt(2 / D).

    Args:
        shape: The images' shape.
        dimensions: D, the number of features.
        seed: Seed of R.
    """

    def __init__(self, shape: ImageShape, dimensions: int = 64, seed: int = 0) -> None:
        self.shape = shape
        pixels = shape.channels * shape.size**2
        # A separate generator: torch's global one belongs to the run.
        generator = torch.Generator().manual_seed(seed)
        self.projection = torch.randn(pixels, dimensions, generator=generator) / dimensions**0.5

    def prepare(self, data: ImageData) -> None:
        """Does nothing: there are no weights to load or train."""

    def extract(self, images: Tensor) -> Features:
        """Returns the projections of images (N, C, H, W), uint8: float32 (N, dimensions), without probabilities."""
        pixels = images.flatten(1).float() / 127.5 - 1
        # One product for each image, so that rounding does not depend on the batch.
        return Features(torch.stack([row @ self.projection for row in pixels]))

    def description(self) -> Mapping[str, str | int | float]:
        """Returns the name, a hash of R, and the size of the images."""
        weights = hashlib.sha256(self.projection.numpy().tobytes()).hexdigest()[:16]
        return {"name": "plug-in-name", "weights": weights, "resolution": self.shape.size}
