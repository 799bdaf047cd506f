"""The Cramer-Wold regularizer."""

from torch import Tensor

from priorkit.errors import ConfigurationError
from priorkit.interfaces import Encoder, Posterior, Prior
from priorkit_plugins.cramer_wold.distance import distance_to_sample, distance_to_standard_normal
from priorkit_plugins.divergence import independent_normal
from priorkit_plugins.scheduled_regularizer import ScheduledRegularizer
from priorkit_plugins.weight_schedule import WeightSchedule

__all__ = ["CramerWoldRegularizer"]

_CLOSEST = 1e-6
"""Added to a distance before its logarithm is taken: float32 does not resolve smaller ones."""


class CramerWoldRegularizer(ScheduledRegularizer):
    """The squared Cramer-Wold distance of the data's codes from the prior, or its logarithm (Knop et al. 2020).

    Codes are projected on every direction, smoothed by a Gaussian kernel there, and their densities' squared L2
    distance is averaged over directions. For a normal prior with independent dimensions, this is the distance of
    standardised codes from N(0, I), in closed form; for any other prior, the distance of two batches. It needs at least
    two codes.

    Args:
        weight: Weight of the distance.
        schedule: The factor of the weight.
        logarithm: Whether the logarithm of the distance is minimised.
    """

    needs_whole_batch = True

    def __init__(self, weight: float = 1.0, schedule: WeightSchedule | None = None, *, logarithm: bool = True) -> None:
        super().__init__(schedule)
        self.weight = weight
        self.logarithm = logarithm
        self._sampled = True

    @property
    def needs_prior_code(self) -> bool:  # type: ignore[override]
        """Whether codes are compared with samples of the prior, because the prior is not normal."""
        return self._sampled

    def check(self, encoder: Encoder, prior: Prior) -> None:
        """Finds out whether the distance from the prior has a closed form; accepts every prior."""
        self._sampled = independent_normal(prior) is None

    def encoder_terms(
        self,
        posterior: Posterior,
        prior: Prior,
        prior_code: Tensor,
        condition: Tensor | None = None,
        noise: Tensor | None = None,
    ) -> dict[str, Tensor]:
        """`regularization`: the weighted distance or its logarithm."""
        code, normal = posterior.code.float(), independent_normal(prior)
        if len(code) < 2:
            raise ConfigurationError("--regularizer cramer-wold compares codes of a batch: use at least --batch-size 2")
        if normal is None:
            distance = distance_to_sample(code, prior_code.float())
        else:
            distance = distance_to_standard_normal((code - normal.mean) / normal.stddev)
        found = (distance.clamp(min=0) + _CLOSEST).log() if self.logarithm else distance
        weight = self.scheduled(self.weight)
        self.count_update()
        return {"regularization": weight * found}
