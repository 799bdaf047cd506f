"""Separate measures of fidelity and variety: precision and recall, density and coverage."""

import torch
from torch import Tensor

__all__ = ["density_coverage", "precision_recall"]

_ROUNDING = 1e-9
_ROWS = 1000
"""Number of rows of a matrix of distances computed at a time."""


def _radii(features: Tensor, neighbours: int) -> Tensor:
    """The distance of each feature vector to its k-th nearest other vector, or to the farthest if there are fewer."""
    k = min(neighbours, len(features) - 1)
    # k + 1, because the nearest vector of all is the vector itself.
    parts = [torch.cdist(part, features).kthvalue(k + 1, dim=1).values for part in torch.split(features, _ROWS)]
    # Slightly larger, so that the k-th neighbour itself lies in the ball despite rounding.
    return torch.cat(parts) * (1 + _ROUNDING)


def _within(points: Tensor, centres: Tensor, radii: Tensor) -> Tensor:
    """The number of balls that contain each point."""
    return torch.cat([(torch.cdist(part, centres) <= radii).sum(1) for part in torch.split(points, _ROWS)])


def precision_recall(real: Tensor, generated: Tensor, neighbours: int = 3) -> tuple[float, float]:
    """Improved precision and recall (Kynkäänniemi et al. 2019, arXiv:1904.06991).

    Each image is the centre of a ball that extends to its k-th nearest neighbour in the same set. Precision: the share
    of samples that lie in the ball of a real image. Recall: the share of real images that lie in the ball of a sample.
    Both are between 0 and 1.

    Args:
        real: Features of real images, shape (N, D), N at least 2.
        generated: Features of samples, shape (M, D), M at least 2.
        neighbours: k.

    Examples:
        >>> import torch
        >>> from priorkit.evaluation import precision_recall
        >>> real = torch.tensor([[0.0], [1.0], [2.0], [10.0], [11.0], [12.0]])
        >>> precision_recall(real, real[:3], neighbours=1)
        (1.0, 0.5)
    """
    x, y = real.double(), generated.double()
    precision = (_within(y, x, _radii(x, neighbours)) > 0).double().mean()
    recall = (_within(x, y, _radii(y, neighbours)) > 0).double().mean()
    return float(precision), float(recall)


def density_coverage(real: Tensor, generated: Tensor, neighbours: int = 5) -> tuple[float, float]:
    """Density and coverage (Naeem et al. 2020, arXiv:2002.09797), which are less sensitive to outliers.

    Each real image is the centre of a ball that extends to its k-th nearest real neighbour. Density: the mean number of
    balls that contain a sample, divided by k; it may exceed 1. Coverage: the share of real images whose ball contains a
    sample, between 0 and 1.

    Args:
        real: Features of real images, shape (N, D), N at least 2.
        generated: Features of samples, shape (M, D), M at least 1.
        neighbours: k.

    Examples:
        >>> import torch
        >>> from priorkit.evaluation import density_coverage
        >>> real = torch.tensor([[0.0], [1.0], [2.0], [10.0], [11.0], [12.0]])
        >>> density_coverage(real, generated=torch.tensor([[0.9], [1.1], [5.0], [6.0]]), neighbours=1)
        (1.0, 0.5)
    """
    x, y = real.double(), generated.double()
    radii = _radii(x, neighbours)
    density = _within(y, x, radii).double().mean() / min(neighbours, len(x) - 1)
    nearest = torch.cat([torch.cdist(part, y).min(1).values for part in torch.split(x, _ROWS)])
    return float(density), float((nearest <= radii).double().mean())
