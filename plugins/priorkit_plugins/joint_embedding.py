"""Losses that embed images and their captions in one space."""

import torch
from torch import Tensor
from torch.nn import functional

from priorkit_plugins.single_precision import at_least_single, single_precision

__all__ = ["contrastive_loss", "matching_pairs", "structured_hinge_loss"]


def matching_pairs(tokens: Tensor, indices: Tensor) -> Tensor:
    """Which captions of a batch match which images: bool (N, N), images in rows, captions in columns.

    An image matches its own captions, and equal captions of other images.

    Args:
        tokens: The captions' tokens, int64 (N, L).
        indices: Indices of the captions' images, int64 (N,).
    """
    same_caption = (tokens.unsqueeze(0) == tokens.unsqueeze(1)).all(dim=2)
    return same_caption | (indices.unsqueeze(0) == indices.unsqueeze(1))


def contrastive_loss(images: Tensor, texts: Tensor, matching: Tensor, temperature: float | Tensor = 0.07) -> Tensor:
    """InfoNCE both ways, in nats: a float32 scalar (van den Oord et al. 2018, Eq. 4; Radford et al. 2021, CLIP).

    The mean over the batch of -log exp(s_ii / t) / sum_j exp(s_ij / t), where s_ij is the cosine of image i and caption
    j, averaged with the same for exchanged i and j. Other matching pairs are not negatives: the sums leave them out.

    Args:
        images: Features of images, (N, dim).
        texts: Vectors of their captions, (N, dim), in the same order.
        matching: Which captions match which images, bool (N, N); the diagonal is ignored.
        temperature: t, above 0.

    Raises:
        ValueError: The shapes do not fit together.
    """
    _check_shapes(images, texts, matching)
    own = torch.eye(len(images), dtype=torch.bool, device=images.device)
    with single_precision(images.device):
        of_images = functional.normalize(at_least_single(images), dim=1)
        of_texts = functional.normalize(at_least_single(texts), dim=1)
        scores = (of_images @ of_texts.T / temperature).masked_fill(matching & ~own, -torch.inf)
        places = torch.arange(len(images), device=images.device)
        return (functional.cross_entropy(scores, places) + functional.cross_entropy(scores.T, places)) / 2


def structured_hinge_loss(
    images: Tensor, texts: Tensor, matching: Tensor, margin: float = 1.0, *, hardest: bool = False
) -> Tensor:
    """The symmetric structured joint embedding loss: a float32 scalar (Reed et al. 2016, arXiv:1605.05395).

    The sum of two means over the batch: for each image i, the terms max(0, margin + s_ij - s_ii) over captions j that
    do not match it, where s_ij is the inner product; and the same for each caption over images.

    Args:
        images: Features of images, (N, dim).
        texts: Vectors of their captions, (N, dim), in the same order.
        matching: Which captions match which images, bool (N, N); the diagonal is ignored.
        margin: Required difference between the scores of matching and other pairs.
        hardest: Whether to use the largest term of each image and caption, as in the paper's structured loss, or the
            mean of the terms, by which every pair learns from the beginning (Faghri et al. 2018, VSE++,
            arXiv:1707.05612, compares them). The loss of an image without terms is 0.

    Raises:
        ValueError: The shapes do not fit together.
    """
    _check_shapes(images, texts, matching)
    negative = ~(matching | torch.eye(len(images), dtype=torch.bool, device=images.device))
    with single_precision(images.device):
        scores = at_least_single(images) @ at_least_single(texts).T
        own = scores.diagonal()
        of_images = (margin + scores - own.unsqueeze(1)).clamp(min=0) * negative
        of_texts = (margin + scores - own.unsqueeze(0)).clamp(min=0) * negative
        if hardest:
            return of_images.amax(dim=1).mean() + of_texts.amax(dim=0).mean()
        counts = negative.sum(dim=1).clamp(min=1), negative.sum(dim=0).clamp(min=1)
        return (of_images.sum(dim=1) / counts[0]).mean() + (of_texts.sum(dim=0) / counts[1]).mean()


def _check_shapes(images: Tensor, texts: Tensor, matching: Tensor) -> None:
    n = len(images)
    if images.ndim != 2 or texts.shape != images.shape or matching.shape != (n, n) or matching.dtype != torch.bool:
        raise ValueError(
            f"features of images have shape {tuple(images.shape)}, vectors of texts {tuple(texts.shape)}, and matching "
            f"is {matching.dtype} of shape {tuple(matching.shape)}; expected (N, dim) twice, and bool (N, N)"
        )
