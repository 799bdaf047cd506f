"""The regularizer of FactorVAE, and the phase that trains its critic."""

from collections.abc import Iterator, Mapping, Sequence

import torch
from priorkit.interfaces import (
    Encoder,
    Move,
    Noise,
    OptimizerSettings,
    Phase,
    Posterior,
    Prior,
    Regularizer,
    System,
    frozen_statistics,
)
from torch import Tensor, nn
from torch.nn.functional import softplus

__all__ = ["CriticPhase", "TotalCorrelationRegularizer"]


class TotalCorrelationRegularizer(Regularizer):
    """KL(q(code|x) || p(code)) + gamma TC(code) (Eq. 2 of Kim and Mnih 2018), in nats, averaged over the batch.

    TC, the total correlation, is the divergence of the aggregated posterior from the product of its marginals. A critic
    that distinguishes codes from codes with shuffled dimensions estimates TC: its logit is the log-ratio of their
    densities. The first divergence is estimated from one draw.

    Args:
        critic: From codes (N, code_dim) to logits (N,), positive for codes that are not shuffled.
        gamma: Weight of the total correlation.
        learning_rate: Learning rate of the critic.
    """

    needs_prior_code = False
    uses_condition = True

    def __init__(self, critic: nn.Module, gamma: float = 10.0, *, learning_rate: float = 1e-4) -> None:
        super().__init__()
        self.critic = critic
        self.gamma = gamma
        self.learning_rate = learning_rate

    def check(self, encoder: Encoder, prior: Prior) -> None:
        """Refuses encoders without a variance, and priors without a density.

        Raises:
            ValueError: The encoder has no variance, or the prior no density.
        """
        if not encoder.stochastic:
            raise ValueError("needs an encoder that gives a distribution; use --encoder gaussian")
        if not prior.has_density:
            raise ValueError(f"needs a prior with a density, not {type(prior).__name__}; use --prior gaussian")

    def encoder_terms(
        self,
        posterior: Posterior,
        prior: Prior,
        prior_code: Tensor,
        condition: Tensor | None = None,
        noise: Tensor | None = None,
    ) -> Mapping[str, Tensor]:
        """Returns `regularization`, the divergence from the prior, and `total_correlation`, weighted."""
        if posterior.log_variance is None:
            raise ValueError("needs posteriors that are normal with independent dimensions; use --encoder gaussian")
        code, deviation = posterior.code.float(), torch.exp(0.5 * posterior.log_variance.float())
        normal = torch.distributions.Normal(posterior.mean.float(), deviation, validate_args=False)
        density = prior.log_prob(code, condition) if prior.takes_condition else prior.log_prob(code)
        divergence = normal.log_prob(code).sum(dim=1) - density  # type: ignore[no-untyped-call]
        return {
            "regularization": divergence.mean(),
            "total_correlation": self.gamma * self.critic(posterior.code).float().mean(),
        }

    def phases(self, system: System) -> Sequence[Phase]:
        """Returns the phase that trains the critic."""
        return [CriticPhase(system, self)]


class CriticPhase(Phase):
    """Trains the critic to distinguish codes from codes with shuffled dimensions (Algorithm 1 of Kim and Mnih 2018).

    Both come from the same batch here; the paper shuffles the codes of a second batch.

    Args:
        system: The system that is trained.
        regularizer: Its regularizer, which owns the critic.
    """

    name = "total_correlation"
    needs_whole_batch = True  # codes are shuffled over the whole batch

    def __init__(self, system: System, regularizer: TotalCorrelationRegularizer) -> None:
        self.system = system
        self.critic = regularizer.critic
        self.players = {"critic": ("regularizer",)}
        rate = regularizer.learning_rate
        self.optimizers = {"regularizer": OptimizerSettings(learning_rate=rate, beta1=0.5, beta2=0.9)}

    def noise(self, n: int, generator: torch.Generator, device: torch.device) -> Noise:
        """The encoder's noise, and a random order of the batch for each dimension: both (n, code_dim)."""
        order = torch.rand(n, self.system.code_dim, generator=generator, device=device)
        return {
            "posterior": torch.randn(n, self.system.code_dim, generator=generator, device=device),
            "order": order,
        }

    def moves(self, images: Tensor, noise: Noise) -> Iterator[Move]:
        """One move of the critic."""
        assert self.system.encoder is not None, "a system with a regularizer has an encoder"
        with torch.no_grad(), frozen_statistics(self.system.encoder):
            code = self.system.encoder(images, noise["posterior"]).code
        shuffled = code.gather(0, noise["order"].argsort(dim=0))
        terms = {
            "critic_codes": softplus(-self.critic(code).float()).mean(),
            "critic_shuffled": softplus(self.critic(shuffled).float()).mean(),
        }
        yield Move("critic", terms)
