"""The Fréchet distance of two sets of features."""

import torch
from torch import Tensor

__all__ = ["frechet_distance"]


def _root(covariance: Tensor) -> Tensor:
    """The symmetric square root of a covariance matrix; eigenvalues that rounding made negative count as zero."""
    values, vectors = torch.linalg.eigh(covariance)
    root: Tensor = (vectors * values.clamp(min=0).sqrt()) @ vectors.T
    return root


def frechet_distance(first: Tensor, second: Tensor) -> float:
    """The squared 2-Wasserstein distance of two Gaussians with the means and covariances of two sets of features.

    |m1 - m2|^2 + tr(C1 + C2 - 2 (C1 C2)^(1/2)) (Heusel et al. 2017, GANs trained by a two time-scale update rule,
    arXiv:1706.08500). At least 0, and 0 for equal means and covariances. The estimate is biased: small sets give larger
    distances, so compare only distances that were computed from the same number of samples.

    Args:
        first: Features, shape (N, D), N at least 2.
        second: Features, shape (M, D), M at least 2.

    Examples:
        >>> import torch
        >>> from priorkit.evaluation import frechet_distance
        >>> features = torch.randn(1000, 4, generator=torch.Generator().manual_seed(0))
        >>> round(frechet_distance(features, features + 1), 3)
        4.0
    """
    x, y = first.double(), second.double()
    # Divided by N - 1, like numpy.cov and thus every published FID. For a single feature, torch.cov returns a scalar.
    c1, c2 = (torch.cov(item.T).reshape(item.shape[1], item.shape[1]) for item in (x, y))
    root = _root(c1)
    # With R R = C1, (C1 C2)^(1/2) has the trace of (R C2 R)^(1/2); R C2 R is symmetric, so no complex numbers arise.
    cross = torch.linalg.eigvalsh(root @ c2 @ root).clamp(min=0).sqrt().sum()
    distance = (x.mean(0) - y.mean(0)).square().sum() + c1.trace() + c2.trace() - 2 * cross
    return float(distance.clamp(min=0))
