"""The regularizer of FactorVAEs."""

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from priorkit.interfaces import Encoder, Posterior, Prior
from priorkit_plugins.divergence import divergences, require_divergence
from priorkit_plugins.scheduled_regularizer import ScheduledRegularizer
from priorkit_plugins.weight_schedule import WeightSchedule

__all__ = ["FactorVAERegularizer", "shuffled"]


def shuffled(code: Tensor, places: Tensor) -> Tensor:
    """Codes (N, code_dim) whose dimensions come from different images of the batch, as in Algorithm 2 of the paper.

    Every dimension is rotated by its own random offset, so it keeps the batch's values. This needs one random number
    for each dimension; permutations would need N.

    Args:
        code: Shape (N, code_dim).
        places: Uniform in [0, 1), shape (N,).
    """
    n, code_dim = code.shape
    dimensions = torch.arange(code_dim, device=code.device)
    # If there are more dimensions than random numbers, these are reused with an offset of one more place.
    turns = (places[dimensions % n] * n).long() + dimensions // n
    images = torch.arange(n, device=code.device)
    return code.gather(0, (images[:, None] + turns) % n)


class FactorVAERegularizer(ScheduledRegularizer):
    """KL(q(code|x) || p(code)) + gamma TC(code) (Eq. 2 of Kim and Mnih 2018), in nats, averaged over the batch.

    TC, the total correlation, is the divergence of the aggregated posterior from the product of its marginals. A critic
    that distinguishes codes from codes with shuffled dimensions estimates it: its logit is the log-density ratio (Eq.
    3). Here both kinds come from the same batch; the paper shuffles a second batch.

    Args:
        critic: From codes (N, code_dim) to logits (N,), positive for codes that are not shuffled.
        gamma: Weight of the total correlation.
        weight: Weight of the divergence.
        schedule: The factor of both weights.
    """

    has_critic = True
    needs_prior_code = False
    needs_mixing = True
    needs_whole_batch = True
    uses_condition = True

    def __init__(
        self, critic: nn.Module, gamma: float = 10.0, weight: float = 1.0, schedule: WeightSchedule | None = None
    ) -> None:
        super().__init__(schedule)
        self.critic = critic
        self.gamma = gamma
        self.weight = weight

    def check(self, encoder: Encoder, prior: Prior) -> None:
        """Refuses deterministic encoders, and priors without a density that is positive everywhere.

        Raises:
            ValueError: It is one of these; the message says what to use instead.
        """
        require_divergence(encoder, prior)

    def critic_terms(
        self, code: Tensor, prior_code: Tensor, condition: Tensor | None = None, mixing: Tensor | None = None
    ) -> dict[str, Tensor]:
        """`critic_codes` on original codes, and `critic_shuffled` on shuffled ones."""
        assert mixing is not None, "needs_mixing asks for it"
        return {
            "critic_codes": softplus(-self.critic(code).float()).mean(),
            "critic_shuffled": softplus(self.critic(shuffled(code, mixing)).float()).mean(),
        }

    def encoder_terms(
        self,
        posterior: Posterior,
        prior: Prior,
        prior_code: Tensor,
        condition: Tensor | None = None,
        noise: Tensor | None = None,
    ) -> dict[str, Tensor]:
        """`regularization`, the divergence, and `total_correlation`, weighted."""
        divergence = divergences(posterior, prior, condition).mean()
        correlation = self.critic(posterior.code).float().mean()
        terms = {
            "regularization": self.scheduled(self.weight) * divergence,
            "total_correlation": self.scheduled(self.gamma) * correlation,
        }
        self.count_update()
        return terms
