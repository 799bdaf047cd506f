"""The condition `embedding`: a vector that comes with each image."""

import math

import torch
from torch import Tensor

from priorkit.interfaces import Condition, ImageSet

__all__ = ["EmbeddingCondition"]


class EmbeddingCondition(Condition):
    """s is a vector that describes the image, such as a sentence's embedding (Section V of Wang et al. 2020).

    D_I sees s with the image: real pairs are an image and its own s. Pairs with another image's s count as fakes, so
    that D_I does not ignore s (Reed et al. 2016, arXiv:1605.05396, Section 4.2). Some images may be generated from the
    mean of two images' s (Section 4.3, beta = 0.5).

    Args:
        dim: Dimensions of the vectors.
        train: The training images; some of their embeddings are kept for samples. None if these are loaded later.
        seen_by_code_critic: Whether D_C receives s.
        mismatched: Whether D_I receives mismatched pairs.
        interpolated: Share of generated images that are made from the mean of two images' s, from 0 to 1.
        remembered: Number of embeddings kept, evenly spread over the training images, with repetitions if there are
            fewer.

    Raises:
        ValueError: The data has no embeddings.
    """

    from_data = True
    seen_by_image_critic = True
    kept: Tensor

    def __init__(
        self,
        dim: int,
        train: ImageSet | None = None,
        *,
        seen_by_code_critic: bool = False,
        mismatched: bool = True,
        interpolated: float = 0.0,
        remembered: int = 1000,
    ) -> None:
        super().__init__()
        if dim < 1:
            raise ValueError(
                "the data has no embeddings; give them as `train_embeddings` of a .npz file, or as a file NAME.npy of "
                "each image, in a folder that --dataset.embeddings of `folder` and `flowers102` names; or choose "
                "--condition text for data with captions, labels or categorical"
            )
        self.dim = dim
        self.seen_by_code_critic = seen_by_code_critic
        self.mismatched = mismatched
        self.interpolated = interpolated
        kept = torch.zeros(remembered, dim)
        if train is not None:
            kept = self.entries(train)[train.spread_indices(remembered)]
        self.register_buffer("kept", kept.clone())

    def draw(self, n: int, *, generator: torch.Generator | None = None, device: torch.device | None = None) -> Tensor:
        """Embeddings of training images, float32 (n, dim)."""
        indices = torch.randint(len(self.kept), (n,), generator=generator, device=device)
        return self.kept.to(indices.device).index_select(0, indices)

    def entries(self, images: ImageSet) -> Tensor:
        """The embeddings, float32 (N, dim)."""
        if images.embeddings is None:
            raise ValueError("the data has no embeddings; choose data that has some, or --condition text or labels")
        return images.embeddings

    def recovery_loss(self, recovered: Tensor, condition: Tensor) -> Tensor:
        """-E[log N(s; Q(x), I)] of Q's means (N, dim), in nats."""
        squares = (recovered.float() - condition).square().sum(1)
        return 0.5 * (squares.mean() + self.dim * math.log(2 * math.pi))
