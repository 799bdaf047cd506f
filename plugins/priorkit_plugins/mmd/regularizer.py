"""The maximum mean discrepancy."""

from collections.abc import Sequence

import torch
from torch import Tensor

from priorkit.errors import ConfigurationError
from priorkit.interfaces import Posterior, Prior, Regularizer

__all__ = ["MMDRegularizer"]


class MMDRegularizer(Regularizer):
    """The unbiased estimate of MMD^2 between the data's codes and the prior's (WAE-MMD, Tolstikhin et al. 2018).

    The sum over scales s of the estimate with the kernel C / (C + ||x - y||^2) (`imq`) or exp(-||x - y||^2 / C)
    (`rbf`), where C = 2 code_dim bandwidth^2 s: for s = 1, the expected squared distance of two codes of a prior with
    that standard deviation (Section 4 of the paper). Being unbiased, it may be negative. It needs at least two codes.

    Args:
        kernel: `imq`, whose tails reach codes far from the prior's, or `rbf`.
        bandwidth: Standard deviation of a dimension of the prior's codes.
        scales: Factors s.
        weight: Weight of the discrepancy.
    """

    needs_whole_batch = True

    def __init__(
        self, kernel: str = "imq", bandwidth: float = 1.0, scales: Sequence[float] = (1.0,), weight: float = 1.0
    ) -> None:
        super().__init__()
        self.kernel = kernel
        self.bandwidth = bandwidth
        self.scales = tuple(scales)
        self.weight = weight

    def encoder_terms(
        self,
        posterior: Posterior,
        prior: Prior,
        prior_code: Tensor,
        condition: Tensor | None = None,
        noise: Tensor | None = None,
    ) -> dict[str, Tensor]:
        """`regularization`: the weighted discrepancy."""
        return {"regularization": self.weight * self._discrepancy(posterior.code.float(), prior_code.float())}

    def _discrepancy(self, code: Tensor, prior_code: Tensor) -> Tensor:
        n = len(code)
        if n < 2:
            raise ConfigurationError("--regularizer mmd compares codes of a batch: use at least --batch-size 2")
        within = self._kernels(code, code) + self._kernels(prior_code, prior_code)
        # Of a code and itself: the estimate leaves these out.
        apart = within.sum() - within.diagonal().sum()
        return apart / (n * (n - 1)) - 2 * self._kernels(code, prior_code).mean()

    def _kernels(self, one: Tensor, other: Tensor) -> Tensor:
        """Kernels (N, N) of all pairs, summed over the scales."""
        # From differences, not from a product: squares that cancel would leave close codes no distance, nor a gradient.
        squares = torch.cdist(one, other, compute_mode="donot_use_mm_for_euclid_dist").square()
        kernels = torch.zeros_like(squares)
        for scale in self.scales:
            constant = 2 * one.shape[1] * self.bandwidth**2 * scale
            kernels = kernels + (
                constant / (constant + squares) if self.kernel == "imq" else torch.exp(-squares / constant)
            )
        return kernels
