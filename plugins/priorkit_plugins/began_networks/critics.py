"""Critics that are autoencoders."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from priorkit.errors import ConfigurationError
from priorkit_plugins.layered_critic import LayeredCritic

__all__ = ["CodeAutoencoder", "ImageAutoencoder"]


def _logits(reconstruction: Tensor, sample: Tensor) -> Tensor:
    """Minus the mean absolute error of each sample, shape (N,)."""
    return -(reconstruction.float() - sample.float()).abs().flatten(1).mean(1)


class ImageAutoencoder(LayeredCritic):
    """D_I as an autoencoder: its logits are minus the mean absolute error over the pixels, so at most 0.

    Its features are the outputs of its encoder's layers, the last of which is the embedding (N, hidden). The error
    cannot be computed from features alone, as it needs the image: use `forward`; `score` raises an error. The decoder
    takes the condition, if any, with the embedding.

    Args:
        trunk: The encoder's layers, the first of which takes images (N, C, H, W), and the last one gives (N, hidden).
        decoder: From (N, hidden + condition_dim) to images (N, C, H, W).
    """

    is_autoencoder = True

    def __init__(self, trunk: Sequence[nn.Module], decoder: nn.Module) -> None:
        super().__init__(trunk, decoder)

    def score(self, features: Tensor, condition: Tensor | None = None) -> Tensor:
        """Always raises: the error of an image cannot be computed from its features.

        Raises:
            ConfigurationError: Always.
        """
        raise ConfigurationError(
            "--networks began: its image critic scores images by its error in reconstructing them, not by features "
            "alone; choose other networks, such as residual"
        )

    def forward(self, image: Tensor, condition: Tensor | None = None) -> Tensor:
        """Minus the error of each image, shape (N,).

        Args:
            image: Shape (N, C, H, W), values in [-1, 1].
            condition: s, shape (N, condition_dim), for a critic that takes one.
        """
        embedding = self.features(image)
        seen = embedding if condition is None else torch.cat([embedding, condition], dim=1)
        return _logits(self.head(seen), image)


class CodeAutoencoder(nn.Module):
    """D_C as an autoencoder of codes: its logits are minus the mean absolute error over a code's dimensions.

    Args:
        encoder: From codes (N, code_dim) to fewer dimensions.
        decoder: From the encoder's output back to codes.
    """

    is_autoencoder = True

    def __init__(self, encoder: nn.Module, decoder: nn.Module) -> None:
        super().__init__()
        self.encoder = encoder
        self.decoder = decoder

    def forward(self, code: Tensor) -> Tensor:
        """Minus the error of each code (N, code_dim), shape (N,)."""
        return _logits(self.decoder(self.encoder(code)), code)
