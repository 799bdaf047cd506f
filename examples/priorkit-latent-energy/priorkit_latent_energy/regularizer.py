"""The divergence of the encoder's distribution from a prior with an energy."""

from collections.abc import Mapping

from priorkit.interfaces import Encoder, Posterior, Prior, Regularizer
from torch import Tensor

from priorkit_latent_energy.prior import LatentEnergyPrior

__all__ = ["LatentEnergyRegularizer"]


class LatentEnergyRegularizer(Regularizer):
    """KL(q(code|x) || p(code)) minus the constant log Z of the prior, in nats, averaged over the batch.

    This is KL(q || N(0, I)) in closed form, minus E_q[f(code)], estimated from one draw.

    Args:
        weight: Weight of the divergence.
    """

    needs_prior_code = False

    def __init__(self, weight: float = 1.0) -> None:
        super().__init__()
        self.weight = weight

    def check(self, encoder: Encoder, prior: Prior) -> None:
        """Refuses encoders without a variance, and other priors than `latent-energy`.

        Raises:
            ValueError: The encoder has no variance, or the prior no energy.
        """
        if not encoder.stochastic:
            raise ValueError("needs an encoder that gives a distribution; use --encoder gaussian")
        if not isinstance(prior, LatentEnergyPrior):
            raise ValueError(f"needs a prior with an energy, not {type(prior).__name__}; use --prior latent-energy")

    def encoder_terms(
        self,
        posterior: Posterior,
        prior: Prior,
        prior_code: Tensor,
        condition: Tensor | None = None,
        noise: Tensor | None = None,
    ) -> Mapping[str, Tensor]:
        """Returns `regularization`: the weighted divergence, up to a constant."""
        assert isinstance(prior, LatentEnergyPrior), "check() refuses other priors"
        if posterior.log_variance is None:
            raise ValueError("needs posteriors that are normal with independent dimensions; use --encoder gaussian")
        log_variance = posterior.log_variance.float()
        normal = 0.5 * (posterior.mean.float().square() + log_variance.exp() - 1 - log_variance).sum(dim=1)
        return {"regularization": self.weight * (normal - prior.negative_energy(posterior.code)).mean()}
