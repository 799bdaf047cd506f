"""The Inception Score."""

import torch
from torch import Tensor

__all__ = ["inception_score"]


def inception_score(probabilities: Tensor, splits: int = 10) -> tuple[float, float]:
    """Exp E_x KL(p(y|x) || p(y)) (Salimans et al. 2016, Improved techniques for training GANs, arXiv:1606.03498).

    Between 1 and the number of classes: high where every image is surely of one class, and all classes are equally
    frequent. It sees nothing of the real images.

    Args:
        probabilities: p(y|x), shape (N, K), rows adding up to 1.
        splits: The samples are split into so many parts, as they come; at most N of them.

    Returns:
        The mean over the splits, and its standard deviation.

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
        # xlogy: classes without any probability add nothing.
        divergence = (torch.xlogy(part, part) - torch.xlogy(part, marginal)).sum(1)
        scores.append(divergence.mean().exp())
    found = torch.stack(scores)
    return float(found.mean()), float(found.std(correction=0))
