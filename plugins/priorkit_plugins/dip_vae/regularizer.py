"""The regularizer of DIP-VAEs."""

import torch
from torch import Tensor

from priorkit.errors import ConfigurationError
from priorkit.interfaces import Encoder, Posterior, Prior
from priorkit_plugins.divergence import divergences, independent_normal, require_divergence
from priorkit_plugins.scheduled_regularizer import ScheduledRegularizer
from priorkit_plugins.single_precision import single_precision
from priorkit_plugins.weight_schedule import WeightSchedule

__all__ = ["DIPVAERegularizer"]


class DIPVAERegularizer(ScheduledRegularizer):
    """The divergence, and the squared deviations of the codes' covariance from the prior's (Kumar et al. 2018).

    DIP-VAE-I takes the covariance of the posteriors' means, DIP-VAE-II that of the aggregated posterior, which adds the
    mean of the posteriors' variances. Either is estimated from a batch. The prior must be normal with independent
    dimensions; its variances are the targets.

    Args:
        off_diagonal: Weight lambda_od of the sum of the squared covariances of two dimensions, each pair counted twice.
        diagonal: Weight lambda_d of the sum of the squared deviations of variances.
        weight: Weight of the divergence.
        of_means: Whether to use DIP-VAE-I rather than DIP-VAE-II.
        schedule: The factor of all weights.
    """

    needs_prior_code = False
    needs_whole_batch = True
    uses_condition = False

    def __init__(
        self,
        off_diagonal: float = 10.0,
        diagonal: float = 10.0,
        weight: float = 1.0,
        *,
        of_means: bool = False,
        schedule: WeightSchedule | None = None,
    ) -> None:
        super().__init__(schedule)
        self.off_diagonal = off_diagonal
        self.diagonal = diagonal
        self.weight = weight
        self.of_means = of_means

    def check(self, encoder: Encoder, prior: Prior) -> None:
        """Refuses deterministic encoders, and priors that are not normal with independent dimensions.

        Raises:
            ValueError: It is one of these; the message says what to use instead.
        """
        require_divergence(encoder, prior)
        if independent_normal(prior) is None:
            raise ValueError(
                f"matches the covariance of codes with that of a normal prior with independent dimensions, and "
                f"{type(prior).__name__} is none; use --prior gaussian, or --regularizer kl"
            )

    def encoder_terms(
        self,
        posterior: Posterior,
        prior: Prior,
        prior_code: Tensor,
        condition: Tensor | None = None,
        noise: Tensor | None = None,
    ) -> dict[str, Tensor]:
        """`regularization`, the divergence, and `covariance`, weighted."""
        normal = independent_normal(prior)
        assert normal is not None, "check refuses other priors"
        covariance = self._covariance(posterior)
        deviation = covariance.diagonal() - normal.variance
        apart = covariance - torch.diag(covariance.diagonal())
        squares = self.off_diagonal * apart.square().sum() + self.diagonal * deviation.square().sum()
        terms = {
            "regularization": self.scheduled(self.weight) * divergences(posterior, prior).mean(),
            "covariance": self.scheduled(1.0) * squares,
        }
        self.count_update()
        return terms

    def _covariance(self, posterior: Posterior) -> Tensor:
        """The covariance of the posteriors' means or of the aggregated posterior, (code_dim, code_dim)."""
        if posterior.log_variance is None:
            raise ValueError("needs normal posteriors with independent dimensions; use --encoder gaussian")
        if len(posterior.mean) < 2:
            raise ConfigurationError("--regularizer dip-vae compares codes of a batch: use at least --batch-size 2")
        means = posterior.mean.float()
        centred = means - means.mean(0)
        with single_precision(means.device):
            covariance = centred.T @ centred / len(means)
        if self.of_means:
            return covariance
        return covariance + torch.diag(posterior.log_variance.float().exp().mean(0))
