"""R-precision: how often an image is nearest to its own caption among others."""

import torch
from torch import Tensor
from torch.nn.functional import normalize

__all__ = ["r_precision"]

_ROWS = 500
"""Number of images whose distractors are drawn at a time."""
_TIE = 1e-6
"""Cosines that differ by less count as equal: the features of the same text may be rounded differently."""


def r_precision(
    images: Tensor, texts: Tensor, others: Tensor, allowed: Tensor, *, distractors: int = 99, seed: int = 0
) -> Tensor:
    """For each image, the probability that its own text ranks first among others, by the cosine of features.

    Its mean is the R-precision for R = 1 (Xu et al. 2018, AttnGAN, arXiv:1711.10485, Section 4.1, with 99 others).
    Texts with equal cosines are ranked in random order, so a text that ties with k others for first place counts
    1 / (k + 1).

    Args:
        images: Features of images, shape (N, D).
        texts: Features of their own texts, shape (N, D).
        others: Features of the texts from which distractors are drawn, shape (M, D).
        allowed: Whether each of these texts may be a distractor of each image, bool (N, M).
        distractors: Number of distractors drawn for each image, without replacement; all allowed texts if there are
            fewer.
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
