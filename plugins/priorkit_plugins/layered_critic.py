"""An image discriminator of consecutive layers and a head."""

from collections.abc import Sequence
from itertools import islice

import torch
from torch import Tensor, nn

from priorkit.errors import ConfigurationError
from priorkit.interfaces import ImageCritic

__all__ = ["LayeredCritic"]


class LayeredCritic(ImageCritic):
    """D_I as consecutive feature layers, whose outputs can be read, and a head that scores the last output.

    Args:
        trunk: The feature layers, the first of which takes images (N, C, H, W); at least one.
        head: Turns the last layer's output, flattened to (N, features + condition_dim), into (N, 1).
    """

    def __init__(self, trunk: Sequence[nn.Module], head: nn.Module) -> None:
        super().__init__()
        self.trunk = nn.ModuleList(trunk)
        self.head = head
        self.layers = len(trunk)

    def features(self, image: Tensor, layer: int = -1) -> Tensor:
        """F(x): the output of a layer after its norm and activation, shape (N, ...).

        Args:
            image: Shape (N, C, H, W), values in [-1, 1].
            layer: Index of the layer, from 0, or from the end if negative.

        Raises:
            ConfigurationError: There is no such layer.
        """
        if not -self.layers <= layer < self.layers:
            raise ConfigurationError(
                f"the image critic has no layer {layer}: it has {self.layers}, so choose from {-self.layers} "
                f"to {self.layers - 1} (-1 is the last)"
            )
        features = image
        for block in islice(self.trunk, layer % self.layers + 1):
            features = block(features)
        return features

    def score(self, features: Tensor, condition: Tensor | None = None) -> Tensor:
        """Turns the last layer's features, and s (N, condition_dim) if used, into logits of shape (N,)."""
        seen = features.flatten(1)
        logits: Tensor = self.head(seen if condition is None else torch.cat([seen, condition], dim=1)).flatten()
        return logits
