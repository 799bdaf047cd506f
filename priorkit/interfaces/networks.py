"""An architecture: the encoder's body, the decoder and the critics for images of a given shape."""

import abc
from typing import NamedTuple

from torch import Tensor, nn

__all__ = ["ImageCritic", "ImageShape", "Networks"]


class ImageShape(NamedTuple):
    """The shape of a square image.

    Attributes:
        channels: 1 (grey) or 3 (RGB).
        size: Height and width in pixels: a power of two from 16 to 128.
    """

    channels: int
    size: int


class ImageCritic(nn.Module, abc.ABC):
    """D_I: the image discriminator, whose features the perceptual loss reads.

    Attributes:
        layers: Number of feature layers that `features` offers.
    """

    layers: int

    @abc.abstractmethod
    def features(self, image: Tensor, layer: int = -1) -> Tensor:
        """F(x): the output of a convolutional (or hidden) layer, shape (N, ...).

        Args:
            image: Shape (N, C, H, W), values in [-1, 1].
            layer: Which layer, counted from 0, or from the end if it is negative. The last one is the paper's choice.

        Raises:
            ValueError: There is no such layer.
        """

    @abc.abstractmethod
    def score(self, features: Tensor) -> Tensor:
        """Turns the last layer's features into logits of shape (N,)."""

    def forward(self, image: Tensor) -> Tensor:
        """D_I(x): logits of shape (N,)."""
        return self.score(self.features(image))


class Networks(abc.ABC):
    """A family of networks for one image shape. Every call makes a new, independently initialised module.

    Args:
        shape: The images' shape.
    """

    def __init__(self, shape: ImageShape) -> None:
        self.shape = shape

    @abc.abstractmethod
    def encoder(self, outputs: int) -> nn.Module:
        """A module from images (N, C, H, W) to (N, outputs)."""

    @abc.abstractmethod
    def decoder(self, code_dim: int) -> nn.Module:
        """A module from codes (N, code_dim) to images (N, C, H, W) in [-1, 1] (tanh)."""

    @abc.abstractmethod
    def image_critic(self) -> ImageCritic:
        """The image discriminator D_I."""

    @abc.abstractmethod
    def code_critic(self, code_dim: int) -> nn.Module:
        """The code discriminator D_C: a module from codes (N, code_dim) to logits (N,)."""
