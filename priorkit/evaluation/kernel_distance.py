"""Maximum mean discrepancies (MMD) of features (KID) and of codes."""

from collections.abc import Callable

import torch
from torch import Tensor

__all__ = ["code_discrepancy", "kernel_distance", "mean_discrepancy", "polynomial_kernel"]

Kernel = Callable[[Tensor, Tensor], Tensor]

_ROWS = 1000
"""Number of rows of a kernel matrix computed at a time."""


def _sums(kernel: Kernel, first: Tensor, second: Tensor) -> Tensor:
    return torch.stack([kernel(part, second).sum() for part in torch.split(first, _ROWS)]).sum()


def _mean_of_pairs(kernel: Kernel, samples: Tensor) -> Tensor:
    n = len(samples)
    diagonal = torch.stack([kernel(part, part).diagonal().sum() for part in torch.split(samples, _ROWS)]).sum()
    return (_sums(kernel, samples, samples) - diagonal) / (n * (n - 1))


def mean_discrepancy(first: Tensor, second: Tensor, kernel: Kernel) -> float:
    """The unbiased estimate of MMD^2 (Gretton et al. 2012, A kernel two-sample test, Eq. 3).

    E k(x, x') + E k(y, y') - 2 E k(x, y) over distinct pairs; for equal distributions around 0, and possibly negative.

    Args:
        first: Shape (N, D), N at least 2.
        second: Shape (M, D), M at least 2.
        kernel: A function from (n, D) and (m, D) to the kernel's values (n, m).
    """
    between = _sums(kernel, first, second) / (len(first) * len(second))
    return float(_mean_of_pairs(kernel, first) + _mean_of_pairs(kernel, second) - 2 * between)


def polynomial_kernel(first: Tensor, second: Tensor) -> Tensor:
    """The kernel of the KID, (x.y / D + 1)^3, of all pairs of rows of (N, D) and (M, D): (N, M)."""
    return (first @ second.T / first.shape[1] + 1) ** 3


def kernel_distance(
    first: Tensor, second: Tensor, *, subsets: int = 100, subset_size: int = 1000, seed: int = 0
) -> tuple[float, float | None]:
    """MMD^2 with the kernel (x.y / D + 1)^3 on random subsets (Binkowski et al. 2018, arXiv:1801.01401).

    With Inception features, this is the KID. Unlike the Fréchet distance, it is unbiased: its expectation does not
    depend on the number of samples.

    Args:
        first: Features, shape (N, D), N at least 2.
        second: Features, shape (M, D), M at least 2.
        subsets: Number of pairs of subsets.
        subset_size: Number of samples in each subset; all samples if there are fewer.
        seed: Seed of the subsets.

    Returns:
        The mean over the pairs of subsets, and the standard deviation over them: None if a set has at most
        `subset_size` samples, because all of its subsets are then equal.

    Examples:
        >>> import torch
        >>> from priorkit.evaluation import kernel_distance
        >>> real, samples = torch.randn(2, 200, 4, generator=torch.Generator().manual_seed(0))
        >>> alike, _ = kernel_distance(samples, real)
        >>> apart, _ = kernel_distance(samples + 2, real)
        >>> abs(alike) < 0.1, apart > 1
        (True, True)
    """
    x, y = first.double(), second.double()
    size = min(subset_size, len(x), len(y))
    generator = torch.Generator().manual_seed(seed)

    if len(x) == len(y) == size:
        return mean_discrepancy(x, y, polynomial_kernel), None
    found = []
    for _ in range(subsets):
        chosen = [item[torch.randperm(len(item), generator=generator)[:size]] for item in (x, y)]
        found.append(mean_discrepancy(chosen[0], chosen[1], polynomial_kernel))
    values = torch.tensor(found, dtype=torch.float64)
    varies = size < min(len(x), len(y))
    return float(values.mean()), float(values.std(correction=0)) if varies else None


def code_discrepancy(first: Tensor, second: Tensor) -> float:
    """MMD^2 of two sets of codes with the inverse multiquadric kernel C / (C + |x - y|^2).

    The kernel is that of Wasserstein autoencoders (Tolstikhin et al. 2018, arXiv:1711.01558); its heavy tails make
    outliers count. C is the median squared distance among the first 1,000 codes of both sets, so scaling all codes
    changes nothing. For equal distributions around 0, and possibly negative; at most 2.

    Args:
        first: Codes, shape (N, D), N at least 2.
        second: Codes, shape (M, D), M at least 2.

    Examples:
        >>> import torch
        >>> from priorkit.evaluation import code_discrepancy
        >>> codes, prior_codes = torch.randn(2, 200, 4, generator=torch.Generator().manual_seed(0))
        >>> abs(code_discrepancy(codes, prior_codes)) < 0.02, code_discrepancy(codes, prior_codes + 3) > 0.5
        (True, True)
    """
    x, y = first.double(), second.double()
    pooled = torch.cat([x[:_ROWS], y[:_ROWS]])
    median = torch.pdist(pooled).square().median()
    # If more than half of the pairs coincide, the median is 0; then any scale will do.
    scale = torch.where(median > 0, median, torch.ones_like(median))

    def kernel(a: Tensor, b: Tensor) -> Tensor:
        return scale / (scale + torch.cdist(a, b).square())

    return mean_discrepancy(x, y, kernel)
