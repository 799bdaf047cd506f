"""Fully connected networks."""

from torch import nn

from priorkit.interfaces import ImageShape, Networks
from priorkit_plugins.code_critic import code_critic
from priorkit_plugins.fully_connected import CRITIC_LEAK, hidden_layers
from priorkit_plugins.layered_critic import LayeredCritic
from priorkit_plugins.spectral_norm import with_spectral_norm

__all__ = ["MLPNetworks"]


class MLPNetworks(Networks):
    """Every network has the same hidden layers, as in Makhzani et al. 2015 (arXiv:1511.05644, Appendix A.1).

    Encoder and decoder have ReLU; unlike in the paper, critics have leaky ReLU, whose gradient is never zero. The
    decoder ends with tanh, for pixels in [-1, 1], instead of a sigmoid. The paper has no image critic; here it has the
    same layers as the code critic. Weights have torch's default initialisation.

    Args:
        shape: The images' shape; any size will do.
        hidden: Width of the hidden layers, at least 1; 1000 in the paper.
        layers: Number of hidden layers, at least 1; 2 in the paper.
        decoder_spectral_norm: Whether the decoder's layers have spectral norm 1.
    """

    def __init__(
        self, shape: ImageShape, *, hidden: int = 512, layers: int = 2, decoder_spectral_norm: bool = False
    ) -> None:
        super().__init__(shape)
        self.decoder_spectral_norm = decoder_spectral_norm
        self._widths = [hidden] * layers
        self._image = (shape.channels, shape.size, shape.size)
        self._pixels = shape.channels * shape.size**2

    def encoder(self, outputs: int) -> nn.Sequential:
        """From images (N, C, H, W) to (N, outputs)."""
        hidden = hidden_layers(self._pixels, self._widths)
        return nn.Sequential(nn.Flatten(), *hidden, nn.Linear(self._widths[-1], outputs))

    def decoder(self, code_dim: int) -> nn.Sequential:
        """From codes (N, code_dim) to images (N, C, H, W) in [-1, 1]."""
        hidden = hidden_layers(code_dim, self._widths)
        output = nn.Linear(self._widths[-1], self._pixels)
        decoder = nn.Sequential(*hidden, output, nn.Tanh(), nn.Unflatten(1, self._image))
        return with_spectral_norm(decoder) if self.decoder_spectral_norm else decoder

    def map_encoder(self, channels: int, size: int) -> nn.Sequential:
        """From images (N, C, H, W) to maps (N, channels, size, size) of any size."""
        return self.encoder(channels * size**2).append(nn.Unflatten(1, (channels, size, size)))

    def map_decoder(self, channels: int, size: int) -> nn.Sequential:
        """From maps (N, channels, size, size) of any size to images (N, C, H, W) in [-1, 1]."""
        return nn.Sequential(nn.Flatten(), *self.decoder(channels * size**2))

    def image_critic(self, condition_dim: int = 0) -> LayeredCritic:
        """D_I: its features are the outputs of its hidden layers, shape (N, hidden); s is concatenated to the last."""
        first, *others = hidden_layers(self._pixels, self._widths, leak=CRITIC_LEAK)
        head = nn.Linear(self._widths[-1] + condition_dim, 1)
        return LayeredCritic([nn.Sequential(nn.Flatten(), *first), *others], head)

    def recogniser(self, outputs: int) -> nn.Linear:
        """The head of Q: a linear layer."""
        return nn.Linear(self._widths[-1], outputs)

    def code_critic(self, code_dim: int) -> nn.Sequential:
        """D_C: from codes (N, code_dim) to logits (N,)."""
        return code_critic(code_dim, self._widths)
