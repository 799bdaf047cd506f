"""The Kullback-Leibler regularizer."""

import torch
from torch import Tensor
from torch.distributions import Independent, Normal, kl_divergence

from priorkit.interfaces import Encoder, Posterior, Prior, Regularizer

__all__ = ["KLRegularizer"]


class KLRegularizer(Regularizer):
    """KL(q(code|x) || p(code)) in nats, summed over the dimensions of a code and averaged over the batch.

    In closed form where the prior is a Gaussian with independent dimensions; otherwise the one-sample estimate
    log q(code|x) - log p(code), which may be negative.

    Args:
        weight: Weight of the divergence.
    """

    def __init__(self, weight: float = 1.0) -> None:
        super().__init__()
        self.weight = weight

    def check(self, encoder: Encoder, prior: Prior) -> None:
        """Refuses deterministic encoders and priors without a density."""
        if not encoder.stochastic:
            raise ValueError("needs an encoder that gives a distribution; use --encoder gaussian")
        if not prior.has_density:
            raise ValueError(
                f"needs a prior with a density, and {type(prior).__name__} can only be sampled; "
                "use --regularizer adversarial or another prior, such as --prior gaussian"
            )

    def encoder_terms(
        self, posterior: Posterior, prior: Prior, prior_code: Tensor, condition: Tensor | None = None
    ) -> dict[str, Tensor]:
        """`regularization`: the weighted divergence."""
        assert posterior.log_variance is not None, "check() lets no deterministic encoder through"
        deviation = torch.exp(0.5 * posterior.log_variance.float())
        normal = Normal(posterior.mean.float(), deviation, validate_args=False)
        encoded = Independent(normal, 1, validate_args=False)
        target = _independent_normal(prior)
        if target is not None:
            divergence = kl_divergence(encoded, target)
        else:
            code = posterior.code.float()
            density = prior.log_prob(code, condition) if prior.takes_condition else prior.log_prob(code)
            divergence = encoded.log_prob(code) - density  # type: ignore[no-untyped-call]
        return {"regularization": self.weight * divergence.mean()}


def _independent_normal(prior: Prior) -> "Independent[Normal] | None":
    try:
        distribution = prior.distribution()
    except TypeError:
        return None
    if isinstance(distribution, Independent) and isinstance(distribution.base_dist, Normal):
        return distribution
    return None
