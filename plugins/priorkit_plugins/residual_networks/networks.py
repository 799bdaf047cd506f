"""The networks of Wang et al. 2020, for any width and image size."""

from collections.abc import Sequence
from itertools import pairwise

from torch import nn

from priorkit.interfaces import ImageShape, Networks
from priorkit_plugins.code_critic import code_critic, paper_widths
from priorkit_plugins.fully_connected import CRITIC_LEAK, hidden_layers
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
from priorkit_plugins.residual_networks.residual_block import BlockNorm, ResidualBlock, Upsampling
from priorkit_plugins.spectral_norm import with_spectral_norm

__all__ = ["ResidualNetworks"]


class ResidualNetworks(Networks):
    """Tables A.1 and A.3 of Wang et al. 2020, which are for 32x32 images and `width` 64.

    Other image sizes are powers of two from 16 to 128; each doubling adds one resampling block, and one convolution of
    the image critic. Channels grow to at most 8 * `width`. Weights have torch's default initialisation, whose scale
    suits every width, except those of residual blocks without batch norm (see `ResidualBlock`).

    Args:
        shape: The images' shape.
        width: Channels of the first layer, at least 1.
        norm: Norm of the residual blocks. The tables have none; batch norm makes training more robust. With `group`,
            encoder and decoder have no batch norm at all.
        upsampling: How the decoder's blocks double height and width; the table has transposed convolutions.
        decoder_spectral_norm: Whether the decoder's layers have spectral norm 1, in place of norms.
        critic_norm: Norm of the image critic's layers; the table has batch norm.
        critic_hidden: Width of the image critic's fully connected layer; None for the paper's 1000 in proportion to
            `width`.
        code_critic_width: Width of the code critic's first hidden layer. The paper's 1000 costs little at any `width`.

    Raises:
        ConfigurationError: The size is not a power of two from 16 to 128.
    """

    def __init__(
        self,
        shape: ImageShape,
        *,
        width: int = 16,
        norm: BlockNorm = "batch",
        upsampling: Upsampling = "transposed",
        decoder_spectral_norm: bool = False,
        critic_norm: Norm = "batch",
        critic_hidden: int | None = None,
        code_critic_width: int = 1000,
    ) -> None:
        super().__init__(shape)
        self.norm = norm
        self.upsampling = upsampling
        self.decoder_spectral_norm = decoder_spectral_norm
        self.critic_hidden = critic_hidden or max(1, round(1000 * width / 64))
        self.critic_norm = critic_norm
        self.code_critic_width = code_critic_width
        self.width = width
        self._channels = pyramid_channels(width, halvings(shape.size) + 1)

    def encoder(self, outputs: int) -> nn.Sequential:
        """From images (N, C, H, W) to (N, outputs)."""
        last = self._channels[-1]
        return nn.Sequential(
            *self._downward(self._channels),
            nn.AvgPool2d(2),
            nn.Flatten(),
            *hidden_layers(last, [2 * outputs], norm="layer" if self.norm == "group" else "batch"),
            nn.Linear(2 * outputs, outputs),
        )

    def decoder(self, code_dim: int) -> nn.Sequential:
        """From codes (N, code_dim) to images (N, C, H, W) in [-1, 1]."""
        channels = self._channels[::-1]
        return self._normalised(nn.Sequential(project(code_dim, channels[0], self._code_norm), *self._upward(channels)))

    def map_encoder(self, channels: int, size: int) -> nn.Sequential:
        """From images (N, C, H, W) to maps (N, channels, size, size): the encoder's blocks down to that size.

        Raises:
            ConfigurationError: The size is not a power of two from 1 to half the image's.
        """
        levels = pyramid_channels(self.width, halvings_to_maps(self.shape.size, size))
        return nn.Sequential(*self._downward(levels), nn.Conv2d(levels[-1], channels, 1))

    def map_decoder(self, channels: int, size: int) -> nn.Sequential:
        """From maps (N, channels, size, size) to images (N, C, H, W) in [-1, 1]: the decoder's blocks from that size.

        Raises:
            ConfigurationError: The size is not a power of two from 1 to half the image's.
        """
        levels = pyramid_channels(self.width, halvings_to_maps(self.shape.size, size) + 1)[::-1]
        return self._normalised(
            nn.Sequential(project_maps(channels, levels[0], self._code_norm), *self._upward(levels))
        )

    def image_critic(self, condition_dim: int = 0) -> LayeredCritic:
        """D_I: its features are the outputs of its convolutional layers; s, if used, is concatenated to them."""
        channels = [self.shape.channels, *self._channels[:-1]]
        return LayeredCritic(strided_convolutions(channels, self.critic_norm), self._readout(1, condition_dim))

    def recogniser(self, outputs: int) -> nn.Sequential:
        """The head of Q: fully connected layers like D_I's."""
        return self._readout(outputs)

    def code_critic(self, code_dim: int) -> nn.Sequential:
        """D_C: from codes (N, code_dim) to logits (N,)."""
        return code_critic(code_dim, paper_widths(self.code_critic_width))

    @property
    def _code_norm(self) -> Norm:
        """The norm of the decoder's first layer."""
        if self.decoder_spectral_norm:
            return "none"
        return "layer" if self.norm == "group" else "batch"

    def _normalised(self, decoder: nn.Sequential) -> nn.Sequential:
        return with_spectral_norm(decoder) if self.decoder_spectral_norm else decoder

    def _downward(self, channels: Sequence[int]) -> list[nn.Module]:
        """Layers that halve the image's size for each entry of the channels."""
        return [
            nn.Conv2d(self.shape.channels, channels[0], 3, stride=2, padding=1),
            nn.ReLU(),
            ResidualBlock(channels[0], channels[0], norm=self.norm),
            *(ResidualBlock(*sides, "down", norm=self.norm) for sides in pairwise(channels)),
        ]

    def _upward(self, channels: Sequence[int]) -> list[nn.Module]:
        """Layers to images that double the size for each entry of the channels but the first."""
        norm = "none" if self.decoder_spectral_norm else self.norm
        return [
            *(ResidualBlock(*sides, "up", norm=norm, upsampling=self.upsampling) for sides in pairwise(channels)),
            nn.Conv2d(channels[-1], self.shape.channels, 3, padding=1),
            nn.Tanh(),
        ]

    def _readout(self, outputs: int, condition_dim: int = 0) -> nn.Sequential:
        inputs = self._channels[-2] * FLOOR * FLOOR + condition_dim
        hidden = hidden_layers(inputs, [self.critic_hidden], leak=CRITIC_LEAK)
        return nn.Sequential(nn.Flatten(), *hidden, nn.Linear(self.critic_hidden, outputs))
