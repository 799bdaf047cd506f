"""The Inception Score."""

import torch
from torch import Tensor

__all__ = ["inception_score"]


def inception_score(probabilities: Tensor, splits: int = 10) -> tuple[float, float]:
    """Exp E_x KL(p(y|x) || p(y)) (Salimans et al. 2016, Improved techniques for training GANs, arXiv:1606.03498).

    Between 1 and the number of classes: high if every image clearly belongs to one class and all classes are equally
    frequent. Real images play no part in this score.

    Args:
        probabilities: p(y|x), shape (N, K), rows sum to 1.
        splits: Number of consecutive parts into which the samples are split, at most N.

    Returns:
        The mean of the score over the splits, and its standard deviation over them.

    Examples:
        >>> import torch
        >>> from priorkit.evaluation import inception_score
        >>> score, spread = inception_score(torch.eye(10), splits=1)
        >>> round(score, 3), round(spread, 3)
        (10.0, 0.0)
    """
    p = probabilities.double()
    scores = []
    for part in torch.tensor_split(p, min(splits, len(p))):
        marginal = part.mean(0, keepdim=True)
        # xlogy: classes of probability 0 contribute nothing.
        divergence = (torch.xlogy(part, part) - torch.xlogy(part, marginal)).sum(1)
        scores.append(divergence.mean().exp())
    found = torch.stack(scores)
    return float(found.mean()), float(found.std(correction=0))
