"""The networks of Berthelot et al. 2017, for any width and image size."""

from torch import nn

from priorkit.interfaces import ImageShape, Networks
from priorkit_plugins.began_networks.critics import CodeAutoencoder, ImageAutoencoder
from priorkit_plugins.pyramid import halvings

__all__ = ["BEGANNetworks"]

_FLOOR = 8
"""Height and width at the boundary between convolutions and fully connected layers."""


class BEGANNetworks(Networks):
    """3x3 convolutions with ELU, two at each size down to 8x8 (Section 3.5 and Figure 1 of Berthelot et al. 2017).

    Encoders add `width` channels at each level and downsample by convolutions of stride 2; decoders have `width`
    channels throughout and upsample by nearest neighbours. Linear layers without ELU connect convolutions and vectors.
    The image critic's two halves have the architectures of encoder and decoder. Decoders end with tanh, which the paper
    does not mention. The paper has no code critic: here D_C is an autoencoder, too, with a bottleneck of half a code's
    dimensions. Weights have torch's default initialisation.

    Args:
        shape: The images' shape.
        width: n, at least 1.
        hidden: h, the dimensions of the image critic's embedding.
        code_critic_width: Width of the code critic's hidden layers.

    Raises:
        ConfigurationError: The size is not a power of two from 16 to 128.
    """

    def __init__(self, shape: ImageShape, *, width: int = 16, hidden: int = 64, code_critic_width: int = 1000) -> None:
        super().__init__(shape)
        self.width = width
        self.hidden = hidden
        self.code_critic_width = code_critic_width
        self._levels = halvings(shape.size)

    def encoder(self, outputs: int) -> nn.Sequential:
        """From images (N, C, H, W) to (N, outputs)."""
        return nn.Sequential(*self._trunk(outputs))

    def decoder(self, code_dim: int) -> nn.Sequential:
        """From codes (N, code_dim) to images (N, C, H, W) in [-1, 1]."""
        width = self.width
        decoder = nn.Sequential(nn.Linear(code_dim, width * _FLOOR * _FLOOR), nn.Unflatten(1, (width, _FLOOR, _FLOOR)))
        for level in range(self._levels):
            up = [nn.Upsample(scale_factor=2)] if level else []
            decoder.append(nn.Sequential(*up, *_convolution(width, width), *_convolution(width, width)))
        return decoder.append(nn.Conv2d(width, self.shape.channels, 3, padding=1)).append(nn.Tanh())

    def image_critic(self, condition_dim: int = 0) -> ImageAutoencoder:
        """D_I: its features are the outputs of each level of its encoder, and its embedding."""
        return ImageAutoencoder(self._trunk(self.hidden), self.decoder(self.hidden + condition_dim))

    def code_critic(self, code_dim: int) -> CodeAutoencoder:
        """D_C: an autoencoder, from codes (N, code_dim) to logits (N,)."""
        middle = max(1, code_dim // 2)
        return CodeAutoencoder(self._hidden_layer(code_dim, middle), self._hidden_layer(middle, code_dim))

    def _trunk(self, outputs: int) -> list[nn.Module]:
        width = self.width
        trunk: list[nn.Module] = []
        for level in range(1, self._levels + 1):
            channels = level * width
            first = _convolution(self.shape.channels, width) if level == 1 else []
            down = _convolution(channels - width, channels, stride=2) if level > 1 else []
            levels = [*first, *down, *_convolution(channels, channels), *_convolution(channels, channels)]
            trunk.append(nn.Sequential(*levels))
        embedding = nn.Linear(self._levels * width * _FLOOR * _FLOOR, outputs)
        return [*trunk, nn.Sequential(nn.Flatten(), embedding)]

    def _hidden_layer(self, inputs: int, outputs: int) -> nn.Sequential:
        width = self.code_critic_width
        return nn.Sequential(nn.Linear(inputs, width), nn.ELU(), nn.Linear(width, outputs))


def _convolution(inputs: int, outputs: int, stride: int = 1) -> list[nn.Module]:
    return [nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1), nn.ELU()]
