"""The Kullback-Leibler regularizer."""

from dataclasses import dataclass

from torch import Tensor
from torch.distributions import kl_divergence

from priorkit.interfaces import Encoder, Posterior, Prior
from priorkit_plugins.divergence import divergences, independent_normal, normal_posterior, require_divergence
from priorkit_plugins.scheduled_regularizer import ScheduledRegularizer
from priorkit_plugins.weight_schedule import WeightSchedule

__all__ = ["Capacity", "FreeBits", "KLRegularizer"]


@dataclass(frozen=True)
class Capacity:
    """The target of every image's divergence (Eq. 8 of Burgess et al. 2018, arXiv:1804.03599).

    Attributes:
        nats: The final capacity C.
        warm_up: Updates over which it rises linearly from 0; 0 for none.
    """

    nats: float
    warm_up: int = 0

    def after(self, updates: Tensor | None) -> Tensor | float:
        """The capacity after a number of updates."""
        if not self.warm_up:
            return self.nats
        assert updates is not None, "a capacity that rises is counted"
        return self.nats * (updates / self.warm_up).clamp(max=1)


@dataclass(frozen=True)
class FreeBits:
    """The divergence that is not penalised (Eq. 15 of Kingma et al. 2016, arXiv:1606.04934).

    Attributes:
        nats: lambda, for each group of dimensions.
        groups: Number of groups, of equally many neighbouring dimensions.
    """

    nats: float
    groups: int


class KLRegularizer(ScheduledRegularizer):
    """KL(q(code|x) || p(code)) in nats, summed over the dimensions of a code and averaged over the batch.

    In closed form where there is one; otherwise the one-sample estimate log q(code|x) - log p(code), which may be
    negative (`divergences`).

    Args:
        weight: Weight of the divergence.
        schedule: The factor of the weight.
        capacity: Minimise |KL - capacity| of each image instead.
        free_bits: Minimise, for each group of dimensions, the larger of the batch's mean divergence and the free bits.
    """

    needs_prior_code = False
    # If the prior takes a condition, its density is that given the image's s.
    uses_condition = True

    def __init__(
        self,
        weight: float = 1.0,
        schedule: WeightSchedule | None = None,
        *,
        capacity: Capacity | None = None,
        free_bits: FreeBits | None = None,
    ) -> None:
        super().__init__(schedule, counts=capacity is not None and capacity.warm_up > 0)
        self.weight = weight
        self.capacity = capacity
        self.free_bits = free_bits

    @property
    def needs_whole_batch(self) -> bool:  # type: ignore[override]
        """Whether the loss is a non-linear function of means over the batch."""
        return self.free_bits is not None

    def check(self, encoder: Encoder, prior: Prior) -> None:
        """Refuses pairs without a finite divergence, and, for free bits of groups, without one for each dimension.

        Raises:
            ValueError: It is one of these; the message says what to use instead.
        """
        require_divergence(encoder, prior)
        if self.free_bits is not None and self.free_bits.groups > 1 and independent_normal(prior) is None:
            raise ValueError(
                f"free bits of groups of dimensions need the divergence of each dimension, and {type(prior).__name__} "
                "is not a normal distribution with independent dimensions; use --regularizer.free-bits-groups 1 or "
                "--prior gaussian"
            )

    def encoder_terms(
        self,
        posterior: Posterior,
        prior: Prior,
        prior_code: Tensor,
        condition: Tensor | None = None,
        noise: Tensor | None = None,
    ) -> dict[str, Tensor]:
        """`regularization`: the weighted divergence."""
        weight = self.scheduled(self.weight)
        if self.free_bits is not None:
            divergence = _beyond(self.free_bits, posterior, prior, condition)
        else:
            each = divergences(posterior, prior, condition)
            if self.capacity is not None:
                each = (each - self.capacity.after(getattr(self, "updates", None))).abs()
            divergence = each.mean()
        self.count_update()
        return {"regularization": weight * divergence}


def _beyond(free: FreeBits, posterior: Posterior, prior: Prior, condition: Tensor | None) -> Tensor:
    """The sum over groups of the batch's mean divergence or the free bits, whichever is larger."""
    if free.groups == 1:
        return divergences(posterior, prior, condition).mean().clamp(min=free.nats)
    encoded, target = normal_posterior(posterior), independent_normal(prior)
    assert target is not None, "check refuses other priors"
    if encoded is None:
        raise ValueError(
            "free bits of groups of dimensions need normal posteriors with independent dimensions; use "
            "--encoder gaussian or --regularizer.free-bits-groups 1"
        )
    means = kl_divergence(encoded.base_dist, target.base_dist).mean(0)
    return means.view(free.groups, -1).sum(1).clamp(min=free.nats).sum()
