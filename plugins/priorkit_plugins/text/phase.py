"""The phase that trains a text encoder to match captions and images."""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from priorkit.interfaces import ImageShape, Move, Noise, Phase, Place, TextEncoder
from priorkit_plugins.joint_embedding import contrastive_loss, structured_hinge_loss
from priorkit_plugins.text.image_tower import ImageTower

__all__ = ["TextEmbeddingPhase"]

_Loss = Callable[[Tensor, Tensor, Tensor], Tensor]
_LOSSES: dict[str, _Loss] = {"contrastive": contrastive_loss, "structured": structured_hinge_loss}


class TextEmbeddingPhase(Phase):
    """Trains the text encoder together with a network of images, so that captions are close to their images.

    Both embed into the same space. The loss attracts matching images and captions and repels other pairs of the batch,
    in both directions. Pairs with equal captions are ignored. The network of images has no other use.

    Args:
        encoder: The text encoder.
        shape: The images' shape.
        loss: `contrastive`, the cross-entropy of the right match in the batch (Radford et al. 2021, arXiv:2103.00020),
            or `structured`, a hinge (Reed et al. 2016, arXiv:1605.05395).
    """

    name = "text_embedding"
    place = Place.BEFORE_AUTOENCODER
    needs_whole_batch = True

    def __init__(self, encoder: TextEncoder, shape: ImageShape, *, loss: str = "contrastive") -> None:
        self.players = {"text": ("text_encoder", "image_tower")}
        self.encoder = encoder
        self.tower = ImageTower(shape, encoder.dim)
        self.networks = {"text_encoder": encoder, "image_tower": self.tower}
        self.loss = _LOSSES[loss]

    def noise(self, n: int, generator: torch.Generator, device: torch.device) -> Noise:
        """No noise: the phase needs only `entries`, which come with the images."""
        return {}

    def moves(self, images: Tensor, noise: Noise) -> Iterator[Move]:
        """One move, of both networks; `image_text` is the loss."""
        tokens = noise["entries"].long()
        same = (tokens[:, None] == tokens[None]).all(2)
        yield Move("text", {"image_text": self.loss(self.tower(images), self.encoder(tokens), same)})
