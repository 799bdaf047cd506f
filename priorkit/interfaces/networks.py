"""A family of networks: the encoder's body, the decoder and the critics for images of a given shape."""

import abc
from typing import NamedTuple

from torch import Tensor, nn

from priorkit.errors import ConfigurationError

__all__ = ["ImageCritic", "ImageShape", "Networks"]

_NO_MAPS = "{} do not support maps as codes; choose --networks residual, dcgan or mlp, or leave --code-size out"


class ImageShape(NamedTuple):
    """The shape of a square image.

    Attributes:
        channels: 1 (grey) or 3 (RGB).
        size: Height and width in pixels: a power of two from 16 to 128.

    Examples:
        >>> from priorkit.interfaces import ImageShape
        >>> shape = ImageShape(channels=3, size=32)
        >>> shape.channels * shape.size**2
        3072
    """

    channels: int
    size: int


class ImageCritic(nn.Module, abc.ABC):
    """D_I: the image discriminator; the perceptual loss reads its features.

    In evaluation mode, an image's features and logits depend on this image (and its condition) alone, not on the rest
    of the batch.

    Attributes:
        layers: Number of layers that `features` can return.
        is_autoencoder: Whether the logits are negative reconstruction errors of the critic. Code discriminators may set
            it too.

    Examples:
        >>> import torch
        >>> from priorkit.interfaces import ImageCritic
        >>> class BrightnessCritic(ImageCritic):
        ...     layers = 1
        ...
        ...     def features(self, image, layer=-1):
        ...         return image.flatten(1)
        ...
        ...     def score(self, features, condition=None):
        ...         return features.mean(1)
        >>> BrightnessCritic()(torch.ones(2, 1, 16, 16))
        tensor([1., 1.])
    """

    layers: int
    is_autoencoder: bool = False

    @abc.abstractmethod
    def features(self, image: Tensor, layer: int = -1) -> Tensor:
        """F(x): the output of a convolutional (or hidden) layer, shape (N, ...).

        Args:
            image: Shape (N, C, H, W), values in [-1, 1].
            layer: Index of the layer, from 0, or from the end if negative. The paper uses the last layer.

        Raises:
            ValueError: There is no such layer.
        """

    @abc.abstractmethod
    def score(self, features: Tensor, condition: Tensor | None = None) -> Tensor:
        """Turns the last layer's features, and the condition if the critic takes one, into logits of shape (N,)."""

    def forward(self, image: Tensor, condition: Tensor | None = None) -> Tensor:
        """D_I(x) or D_I(x, s): logits of shape (N,).

        Args:
            image: Shape (N, C, H, W), values in [-1, 1].
            condition: s, shape (N, condition_dim), for a critic that takes one.
        """
        return self.score(self.features(image), condition)


class Networks(abc.ABC):
    """A family of networks for one image shape. Every call makes a new, independently initialised module.

    Args:
        shape: The images' shape.

    Examples:
        >>> import torch
        >>> from priorkit.interfaces import ImageShape
        >>> from priorkit.plugins import NetworksContext
        >>> from priorkit.registry import installed_plugins
        >>> mlp = installed_plugins().get("networks", "mlp").component
        >>> networks = mlp.build(mlp.options(hidden=8), NetworksContext(ImageShape(1, 16)))
        >>> networks.decoder(4)(torch.zeros(2, 4)).shape
        torch.Size([2, 1, 16, 16])
    """

    def __init__(self, shape: ImageShape) -> None:
        self.shape = shape

    @abc.abstractmethod
    def encoder(self, outputs: int) -> nn.Module:
        """Makes a module from images (N, C, H, W) to (N, outputs)."""

    @abc.abstractmethod
    def decoder(self, code_dim: int) -> nn.Module:
        """Makes a module from codes (N, code_dim) to images (N, C, H, W) in [-1, 1] (tanh)."""

    @abc.abstractmethod
    def image_critic(self, condition_dim: int = 0) -> ImageCritic:
        """Makes the image discriminator D_I.

        Args:
            condition_dim: Dimensions of the condition s that the critic takes; 0 for none.
        """

    def map_encoder(self, channels: int, size: int) -> nn.Module:
        """Makes a module from images (N, C, H, W) to maps (N, channels, size, size).

        Args:
            channels: Channels of the maps.
            size: Height and width of the maps, smaller than the images.

        Raises:
            ConfigurationError: This family does not support maps, or not this size.
        """
        raise ConfigurationError(_NO_MAPS.format(type(self).__name__))

    def map_decoder(self, channels: int, size: int) -> nn.Module:
        """Makes a module from maps (N, channels, size, size) to images (N, C, H, W) in [-1, 1] (tanh).

        Args:
            channels: Channels of the maps.
            size: Height and width of the maps, smaller than the images.

        Raises:
            ConfigurationError: This family does not support maps, or not this size.
        """
        raise ConfigurationError(_NO_MAPS.format(type(self).__name__))

    def recogniser(self, outputs: int) -> nn.Module:
        """Makes the head of the classifier Q, whose trunk is D_I: from D_I's last features (N, ...) to (N, outputs).

        Raises:
            ConfigurationError: This family has no classifier Q.
        """
        raise ConfigurationError(
            f"{type(self).__name__} have no classifier Q, which this condition needs; choose other --networks, such as "
            "residual, or --condition none"
        )

    @abc.abstractmethod
    def code_critic(self, code_dim: int) -> nn.Module:
        """Makes the code discriminator D_C: a module from codes (N, code_dim) to logits (N,)."""
