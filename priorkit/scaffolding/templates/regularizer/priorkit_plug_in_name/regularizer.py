"""Matching the first two moments of codes."""

from collections.abc import Mapping

from priorkit.errors import ConfigurationError
from priorkit.interfaces import Posterior, Prior, Regularizer
from torch import Tensor

__all__ = ["PlugInNameRegularizer"]


class PlugInNameRegularizer(Regularizer):
    """||mean(q) - mean(p)||^2 + ||cov(q) - cov(p)||_F^2 of a batch of codes q and as many codes p of the prior.

    Args:
        weight: Weight of the distance, above 0.
    """

    # Moments need the whole batch, so several processes are refused.
    needs_whole_batch = True

    def __init__(self, weight: float = 1.0) -> None:
        super().__init__()
        self.weight = weight

    def encoder_terms(
        self,
        posterior: Posterior,
        prior: Prior,
        prior_code: Tensor,
        condition: Tensor | None = None,
        noise: Tensor | None = None,
    ) -> Mapping[str, Tensor]:
        """Returns `regularization`: the weighted distance, a float32 scalar of at least 0.

        Raises:
            ConfigurationError: There is only one code, which has no covariance.
        """
        if len(posterior.code) < 2:
            raise ConfigurationError("one code alone has no covariance: use at least --batch-size 2")
        mean, covariance = _moments(posterior.code.float())
        wanted_mean, wanted_covariance = _moments(prior_code.float())
        distance = (mean - wanted_mean).square().sum() + (covariance - wanted_covariance).square().sum()
        return {"regularization": self.weight * distance}


def _moments(codes: Tensor) -> tuple[Tensor, Tensor]:
    """Returns mean (code_dim,) and unbiased covariance (code_dim, code_dim) of codes (N, code_dim)."""
    mean = codes.mean(0)
    centred = codes - mean
    # Not a matrix product, which autocast would compute in less than float32.
    return mean, (centred[:, :, None] * centred[:, None, :]).sum(0) / (len(codes) - 1)
