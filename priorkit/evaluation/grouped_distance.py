"""The distance of samples from real images of the same group, computed for each group."""

from collections.abc import Mapping

import torch
from torch import Tensor

from priorkit.evaluation.kernel_distance import mean_discrepancy, polynomial_kernel

__all__ = ["grouped_kernel_distance"]


def grouped_kernel_distance(first: Mapping[int, Tensor], second: Mapping[int, Tensor]) -> Tensor:
    """The unbiased MMD^2 of two sets in each group: float64, shape (G,), in the order of the groups of `first`.

    The kernel is that of the KID, (x.y / D + 1)^3 (Binkowski et al. 2018, arXiv:1801.01401). The expectation of each
    estimate does not depend on the number of samples, and is 0 for equal distributions, so the mean over groups is
    meaningful even if every group is small. The Fréchet distance of small groups is not: its bias exceeds the distance
    itself.

    Args:
        first: Features by group, shapes (n, D), n at least 2.
        second: Features to compare with, by the same groups, shapes (m, D), m at least 2.

    Examples:
        >>> import torch
        >>> from priorkit.evaluation import grouped_kernel_distance
        >>> generator = torch.Generator().manual_seed(0)
        >>> real = {digit: digit + torch.randn(50, 4, generator=generator) for digit in range(3)}
        >>> samples = {0: real[0], 1: real[1], 2: real[2] + 2}
        >>> (grouped_kernel_distance(samples, real) > 1).tolist()
        [False, False, True]
    """
    return torch.tensor(
        [
            mean_discrepancy(features.double(), second[group].double(), polynomial_kernel)
            for group, features in first.items()
        ],
        dtype=torch.float64,
    )
