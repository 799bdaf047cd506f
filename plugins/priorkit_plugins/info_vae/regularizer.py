"""The regularizer of InfoVAEs."""

from torch import Tensor

from priorkit.errors import ConfigurationError
from priorkit.interfaces import Encoder, Posterior, Prior
from priorkit_plugins.divergence import divergences, require_divergence
from priorkit_plugins.mean_discrepancy import Kernel, mean_discrepancy
from priorkit_plugins.scheduled_regularizer import ScheduledRegularizer
from priorkit_plugins.weight_schedule import WeightSchedule

__all__ = ["InfoVAERegularizer"]

_SCALES = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
"""Those of `mmd`."""


class InfoVAERegularizer(ScheduledRegularizer):
    """(1 - alpha) KL(q(code|x) || p(code)) + (alpha + lambda - 1) MMD^2(q(code), p(code)) (Zhao et al. 2019, Eq. 6).

    alpha = 0 and lambda = 1 give a VAE; alpha = 1 gives the MMD-VAE, which needs no density of the prior.

    Args:
        alpha: Preference for mutual information, between 0 and 1.
        scale: lambda, at least 1.
        kernel: The discrepancy's kernel.
        bandwidth: Standard deviation of a dimension of the prior's codes.
        schedule: The factor of both weights.
    """

    needs_whole_batch = True

    def __init__(
        self,
        alpha: float = 0.5,
        scale: float = 100.0,
        kernel: Kernel = "imq",
        bandwidth: float = 1.0,
        schedule: WeightSchedule | None = None,
    ) -> None:
        super().__init__(schedule)
        self.divergence_weight = 1 - alpha
        self.discrepancy_weight = alpha + scale - 1
        self.kernel = kernel
        self.bandwidth = bandwidth

    @property
    def uses_condition(self) -> bool:  # type: ignore[override]
        """Whether the terms use the prior's density, which may depend on s."""
        return self.divergence_weight > 0

    def check(self, encoder: Encoder, prior: Prior) -> None:
        """Refuses deterministic encoders and priors without a density, if the divergence has a weight.

        Raises:
            ValueError: It is one of these; the message says what to use instead.
        """
        if self.divergence_weight > 0:
            require_divergence(encoder, prior)

    def encoder_terms(
        self,
        posterior: Posterior,
        prior: Prior,
        prior_code: Tensor,
        condition: Tensor | None = None,
        noise: Tensor | None = None,
    ) -> dict[str, Tensor]:
        """`regularization`, the divergence if it has a weight, and `discrepancy`, weighted."""
        code = posterior.code.float()
        if len(code) < 2:
            raise ConfigurationError("--regularizer info-vae compares codes of a batch: use at least --batch-size 2")
        terms = {}
        if self.divergence_weight > 0:
            divergence = divergences(posterior, prior, condition).mean()
            terms["regularization"] = self.scheduled(self.divergence_weight) * divergence
        found = mean_discrepancy(code, prior_code.float(), self.kernel, self.bandwidth, _SCALES)
        terms["discrepancy"] = self.scheduled(self.discrepancy_weight) * found
        self.count_update()
        return terms
