"""The generator and discriminator of Radford et al. 2016, for any width and image size."""

from collections.abc import Sequence
from itertools import pairwise

from torch import nn

from priorkit.interfaces import ImageShape, Networks
from priorkit_plugins.code_critic import code_critic, paper_widths
from priorkit_plugins.layered_critic import LayeredCritic
from priorkit_plugins.pyramid import (
    FLOOR,
    Norm,
    halvings,
    halvings_to_maps,
    project,
    project_maps,
    pyramid_channels,
    strided_convolutions,
)
from priorkit_plugins.spectral_norm import with_spectral_norm

__all__ = ["DCGANNetworks"]


class DCGANNetworks(Networks):
    """DCGAN (Radford et al. 2016, arXiv:1511.06434), whose generator is the decoder.

    A GAN has no encoder; here it is the discriminator with more outputs. The code critic is that of Table A.3 of Wang
    et al. 2020. Weights start from N(0, 0.02^2), as in the paper (Section 4), and biases from zero; the code critic's
    from torch's default.

    Args:
        shape: The images' shape. The paper uses 64x64; each doubling of the size adds one layer. Channels grow to at
            most 8 * `width`.
        width: Channels of the layer next to the image, at least 1.
        decoder_spectral_norm: Whether the decoder's layers have spectral norm 1, in place of batch norm.
        critic_norm: Norm of the image critic's layers; batch norm in the paper.
        code_critic_width: Width of the code critic's first hidden layer.

    Raises:
        ConfigurationError: The size is not a power of two from 16 to 128.
    """

    def __init__(
        self,
        shape: ImageShape,
        *,
        width: int = 16,
        decoder_spectral_norm: bool = False,
        critic_norm: Norm = "batch",
        code_critic_width: int = 1000,
    ) -> None:
        super().__init__(shape)
        self.decoder_spectral_norm = decoder_spectral_norm
        self.critic_norm = critic_norm
        self.code_critic_width = code_critic_width
        self.width = width
        self._channels = [shape.channels, *pyramid_channels(width, halvings(shape.size))]

    def encoder(self, outputs: int) -> nn.Sequential:
        """From images (N, C, H, W) to (N, outputs)."""
        return nn.Sequential(*strided_convolutions(self._channels), self._readout(outputs)).apply(_initialise)

    def decoder(self, code_dim: int) -> nn.Sequential:
        """From codes (N, code_dim) to images (N, C, H, W) in [-1, 1]."""
        channels = self._channels[::-1]
        return self._decoder(project(code_dim, channels[0], self._decoder_norm), channels)

    def map_encoder(self, channels: int, size: int) -> nn.Sequential:
        """From images (N, C, H, W) to maps (N, channels, size, size): the encoder's layers down to that size.

        Raises:
            ConfigurationError: The size is not a power of two from 1 to half the image's.
        """
        levels = self._levels(size)
        return nn.Sequential(*strided_convolutions(levels), nn.Conv2d(levels[-1], channels, 1)).apply(_initialise)

    def map_decoder(self, channels: int, size: int) -> nn.Sequential:
        """From maps (N, channels, size, size) to images (N, C, H, W) in [-1, 1]: the decoder's layers from that size.

        Raises:
            ConfigurationError: The size is not a power of two from 1 to half the image's.
        """
        levels = self._levels(size)
        return self._decoder(project_maps(channels, levels[-1], self._decoder_norm), levels[::-1])

    def image_critic(self, condition_dim: int = 0) -> LayeredCritic:
        """D_I: its features are the outputs of its convolutional layers; s, if used, is concatenated to them."""
        return LayeredCritic(
            strided_convolutions(self._channels, self.critic_norm), self._readout(1, condition_dim)
        ).apply(_initialise)

    def recogniser(self, outputs: int) -> nn.Sequential:
        """The head of Q: a linear layer like D_I's."""
        return self._readout(outputs).apply(_initialise)

    def code_critic(self, code_dim: int) -> nn.Sequential:
        """D_C: from codes (N, code_dim) to logits (N,)."""
        return code_critic(code_dim, paper_widths(self.code_critic_width))

    def _levels(self, size: int) -> list[int]:
        """Channels of the image, then of each level down to maps of a size."""
        return [self.shape.channels, *pyramid_channels(self.width, halvings_to_maps(self.shape.size, size))]

    @property
    def _decoder_norm(self) -> Norm:
        return "none" if self.decoder_spectral_norm else "batch"

    def _decoder(self, projection: nn.Module, channels: Sequence[int]) -> nn.Sequential:
        """A decoder: a projection, then transposed convolutions to images."""
        decoder = nn.Sequential(projection, *self._transposed_convolutions(channels)).apply(_initialise)
        return with_spectral_norm(decoder) if self.decoder_spectral_norm else decoder

    def _transposed_convolutions(self, channels: Sequence[int]) -> list[nn.Module]:
        """Layers each of which doubles height and width; the last gives an image in [-1, 1]."""
        *hidden, image = channels
        layers: list[nn.Module] = []
        for inputs, outputs in pairwise(hidden):
            norms = [] if self.decoder_spectral_norm else [nn.BatchNorm2d(outputs)]
            up = nn.ConvTranspose2d(inputs, outputs, 4, stride=2, padding=1, bias=not norms)
            layers.append(nn.Sequential(up, *norms, nn.ReLU()))
        return [*layers, nn.ConvTranspose2d(hidden[-1], image, 4, stride=2, padding=1), nn.Tanh()]

    def _readout(self, outputs: int, condition_dim: int = 0) -> nn.Sequential:
        return nn.Sequential(nn.Flatten(), nn.Linear(self._channels[-1] * FLOOR * FLOOR + condition_dim, outputs))


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
        nn.init.normal_(module.weight, std=0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
