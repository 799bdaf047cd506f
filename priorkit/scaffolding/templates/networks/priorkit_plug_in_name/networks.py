"""Fully connected networks with layer norm."""

from itertools import islice

import torch
from priorkit.errors import ConfigurationError
from priorkit.interfaces import ImageCritic, ImageShape, Networks
from torch import Tensor, nn

__all__ = ["PlugInNameNetworks"]


class PlugInNameNetworks(Networks):
    """Every network has the same hidden layers: linear, layer norm, SiLU. Weights are initialised as in torch.

    Args:
        shape: The images' shape, of any size.
        hidden: Width of the hidden layers, at least 4: layer norm needs a few entries.
        layers: Number of hidden layers, at least 1.
    """

    def __init__(self, shape: ImageShape, hidden: int = 256, layers: int = 2) -> None:
        super().__init__(shape)
        self.hidden = hidden
        self.layers = layers
        self._image = (shape.channels, shape.size, shape.size)
        self._pixels = shape.channels * shape.size**2

    def encoder(self, outputs: int) -> nn.Sequential:
        """From images (N, C, H, W) to (N, outputs)."""
        return nn.Sequential(nn.Flatten(), *self._layers(self._pixels), nn.Linear(self.hidden, outputs))

    def decoder(self, code_dim: int) -> nn.Sequential:
        """From codes (N, code_dim) to images (N, C, H, W) in [-1, 1]."""
        output = nn.Linear(self.hidden, self._pixels)
        return nn.Sequential(*self._layers(code_dim), output, nn.Tanh(), nn.Unflatten(1, self._image))

    def image_critic(self, condition_dim: int = 0) -> "PlugInNameImageCritic":
        """D_I; a condition s (N, condition_dim), if any, is appended to the output of its last hidden layer."""
        first, *others = self._layers(self._pixels)
        head = nn.Linear(self.hidden + condition_dim, 1)
        return PlugInNameImageCritic([nn.Sequential(nn.Flatten(), *first), *others], head)

    def recogniser(self, outputs: int) -> nn.Linear:
        """Q's own layer, from the output (N, hidden) of D_I's last hidden layer to (N, outputs)."""
        return nn.Linear(self.hidden, outputs)

    def code_critic(self, code_dim: int) -> nn.Sequential:
        """D_C: from codes (N, code_dim) to logits (N,)."""
        return nn.Sequential(*self._layers(code_dim), nn.Linear(self.hidden, 1), nn.Flatten(0))

    def _layers(self, inputs: int) -> list[nn.Sequential]:
        widths = [inputs, *[self.hidden] * (self.layers - 1)]
        return [nn.Sequential(nn.Linear(width, self.hidden), nn.LayerNorm(self.hidden), nn.SiLU()) for width in widths]


class PlugInNameImageCritic(ImageCritic):
    """D_I: hidden layers whose outputs are its features, and a head that turns the last features into logits.

    Args:
        trunk: The hidden layers, the first of which takes images (N, C, H, W); at least one.
        head: From the last layer's output, with s appended, to (N, 1).
    """

    def __init__(self, trunk: list[nn.Sequential], head: nn.Linear) -> None:
        super().__init__()
        self.trunk = nn.ModuleList(trunk)
        self.head = head
        self.layers = len(trunk)

    def features(self, image: Tensor, layer: int = -1) -> Tensor:
        """F(x): the output of a hidden layer, shape (N, hidden).

        Args:
            image: Shape (N, C, H, W), values in [-1, 1].
            layer: Index of the layer, from 0; negative indices count from the end.

        Raises:
            ConfigurationError: There is no such layer.
        """
        if not -self.layers <= layer < self.layers:
            raise ConfigurationError(
                f"the image critic has no layer {layer}: choose from {-self.layers} to {self.layers - 1}"
            )
        features = image
        for block in islice(self.trunk, layer % self.layers + 1):
            features = block(features)
        return features

    def score(self, features: Tensor, condition: Tensor | None = None) -> Tensor:
        """Turns the last layer's output (N, hidden), and s (N, condition_dim) if given, into logits (N,)."""
        logits: Tensor = self.head(features if condition is None else torch.cat([features, condition], dim=1))
        return logits.flatten()
