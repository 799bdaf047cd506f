"""R-precision: whether an image is nearest to its own caption among others."""

import torch
from torch import Tensor
from torch.nn.functional import normalize

__all__ = ["r_precision"]

_ROWS = 500
"""Images whose candidates are drawn at a time."""
_TIE = 1e-6
"""Cosines that differ by less are equal: the same text may be rounded in two ways."""


def r_precision(
    images: Tensor, texts: Tensor, others: Tensor, allowed: Tensor, *, distractors: int = 99, seed: int = 0
) -> Tensor:
    """For each image, the probability that its own text is ranked first among others, by the cosine of features.

    Its mean is the R-precision for R = 1 (Xu et al. 2018, AttnGAN, arXiv:1711.10485, Section 4.1, which has 99 others).
    Texts that are equally near are ranked in random order, so a text that ties with k others counts 1 / (k + 1).

    Args:
        images: Features of images, shape (N, D).
        texts: Features of their own texts, shape (N, D).
        others: Features of texts that distractors are drawn from, shape (M, D).
        allowed: Which of the others may be an image's distractors, bool (N, M).
        distractors: How many are drawn for each image, without replacement; all that are allowed where there are fewer.
        seed: Seed of the draw.

    Returns:
        float64, shape (N,), on the CPU, values in [0, 1].

    Examples:
        >>> import torch
        >>> from priorkit.evaluation import r_precision
        >>> texts = torch.eye(3)
        >>> images = torch.tensor([[1.0, 0.2, 0.0], [0.0, 0.4, 0.9]])
        >>> r_precision(images, texts[:2], texts, allowed=torch.tensor([[False, True, True], [True, False, True]]))
        tensor([1., 0.], dtype=torch.float64)
    """
    generator = torch.Generator().manual_seed(seed)
    pool = normalize(others.double(), dim=1)
    count = min(distractors, len(others))
    found = []
    for x, own, may in zip(*(torch.split(item, _ROWS) for item in (images, texts, allowed)), strict=True):
        shown = normalize(x.double(), dim=1)
        mine = (shown * normalize(own.double(), dim=1)).sum(1, keepdim=True)
        chances = torch.rand(may.shape, generator=generator).masked_fill(~may, -1)
        drawn = chances.topk(count, dim=1)
        away = (shown @ pool.T).gather(1, drawn.indices) - mine
        there = drawn.values >= 0
        ties = ((away.abs() <= _TIE) & there).sum(1)
        found.append(torch.where(((away > _TIE) & there).any(1), 0.0, 1 / (1 + ties.double())))
    return torch.cat(found)
