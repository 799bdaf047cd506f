"""The sliced Wasserstein distance."""

import math

import torch
from torch import Tensor
from torch.nn.functional import normalize

from priorkit.interfaces import Posterior, Prior
from priorkit_plugins.scheduled_regularizer import ScheduledRegularizer
from priorkit_plugins.single_precision import single_precision
from priorkit_plugins.weight_schedule import WeightSchedule

__all__ = ["SlicedWassersteinRegularizer"]


class SlicedWassersteinRegularizer(ScheduledRegularizer):
    """The mean, over directions, of the squared 2-Wasserstein distance of projected codes (Kolouri et al. 2018).

    Along a direction, the optimal transport pairs the data's codes with equally many of the prior's by rank. Each batch
    draws new directions, uniformly from the unit sphere, as in Algorithm 1.

    Args:
        code_dim: Dimensions of a code.
        projections: Directions for each batch, at least 1.
        weight: Weight of the distance.
        schedule: The factor of the weight.
    """

    needs_whole_batch = True

    def __init__(
        self,
        code_dim: int,
        projections: int = 50,
        weight: float = 1.0,
        schedule: WeightSchedule | None = None,
    ) -> None:
        super().__init__(schedule)
        self.code_dim = code_dim
        self.projections = projections
        self.weight = weight

    def encoder_noise(
        self, n: int, *, generator: torch.Generator | None = None, device: torch.device | None = None
    ) -> Tensor:
        """Draws normal vectors, shape (n, K, code_dim): together, at least as many as there are projections."""
        each = math.ceil(self.projections / n)
        return torch.randn(n, each, self.code_dim, generator=generator, device=device)

    def encoder_terms(
        self,
        posterior: Posterior,
        prior: Prior,
        prior_code: Tensor,
        condition: Tensor | None = None,
        noise: Tensor | None = None,
    ) -> dict[str, Tensor]:
        """`regularization`: the weighted distance along the directions of the noise."""
        assert noise is not None, "directions are drawn for each batch"
        directions = normalize(noise.flatten(0, 1)[: self.projections].float(), dim=1)
        code, prior_code = posterior.code.float(), prior_code.float()
        with single_precision(code.device):
            data, wanted = (torch.sort(codes @ directions.T, dim=0).values for codes in (code, prior_code))
            distance = (data - wanted).square().mean()
        weight = self.scheduled(self.weight)
        self.count_update()
        return {"regularization": weight * distance}
