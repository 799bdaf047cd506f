"""The maximum mean discrepancy."""

from collections.abc import Sequence

from torch import Tensor

from priorkit.errors import ConfigurationError
from priorkit.interfaces import Posterior, Prior
from priorkit_plugins.mean_discrepancy import Kernel, mean_discrepancy
from priorkit_plugins.scheduled_regularizer import ScheduledRegularizer
from priorkit_plugins.weight_schedule import WeightSchedule

__all__ = ["MMDRegularizer"]


class MMDRegularizer(ScheduledRegularizer):
    """The unbiased estimate of MMD^2 between the data's codes and the prior's (WAE-MMD, Tolstikhin et al. 2018).

    See `mean_discrepancy` for the computation. The estimate may be negative, as it is unbiased. It needs at least two
    codes.

    Args:
        kernel: `imq`, whose tails reach codes far from the prior's, or `rbf`.
        bandwidth: Standard deviation of a dimension of the prior's codes.
        scales: Factors of the kernel's scale, whose discrepancies are added up.
        weight: Weight of the discrepancy.
        schedule: The factor of the weight.
    """

    needs_whole_batch = True

    def __init__(
        self,
        kernel: Kernel = "imq",
        bandwidth: float = 1.0,
        scales: Sequence[float] = (1.0,),
        weight: float = 1.0,
        schedule: WeightSchedule | None = None,
    ) -> None:
        super().__init__(schedule)
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
        code = posterior.code.float()
        if len(code) < 2:
            raise ConfigurationError("--regularizer mmd compares codes of a batch: use at least --batch-size 2")
        found = mean_discrepancy(code, prior_code.float(), self.kernel, self.bandwidth, self.scales)
        weight = self.scheduled(self.weight)
        self.count_update()
        return {"regularization": weight * found}
