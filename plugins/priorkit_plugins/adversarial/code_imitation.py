"""The phase that trains a prior against the code discriminator."""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn

from priorkit.interfaces import AdversarialLoss, Comparison, Move, Noise, Phase, System, frozen_statistics

__all__ = ["CodeImitationPhase"]


class CodeImitationPhase(Phase):
    """The prior learns to make codes that D_C takes for the encoder's (Zhao et al. 2018, Algorithm 1, third step).

    The autoencoder phase trains D_C, with the prior's codes as real samples and the encoder's as fakes. There the
    encoder learns to make codes that look real; here the prior learns to make codes that look fake.

    Args:
        system: The system that is trained.
        critic: D_C, from its input (`seen`) to logits (N,).
        adversarial_loss: The loss of D_C.
        weight: Weight of the prior's adversarial loss. It does not apply to the prior's own loss given s, which the
            prior improvement phase minimises too.
        seen: Makes the input of D_C from codes (N, code_dim) and their s.
    """

    name = "code_imitation"

    def __init__(
        self,
        system: System,
        critic: nn.Module,
        adversarial_loss: AdversarialLoss,
        weight: float,
        seen: Callable[[Tensor, Tensor | None], Tensor],
    ) -> None:
        self.system = system
        self.critic = critic
        self.adversarial_loss = adversarial_loss
        self.weight = weight
        self.seen = seen
        self.players = {"prior": ("prior",)}
        self.needs_whole_batch = adversarial_loss.needs_whole_batch

    def noise(self, n: int, generator: torch.Generator, device: torch.device) -> Noise:
        """`prior`; also `condition` and `posterior` (n, code_dim), if these are random."""
        system, condition = self.system, self.system.condition
        noise = {"prior": system.prior.noise(n, generator=generator, device=device)}
        if condition is not None and not condition.from_data:
            noise["condition"] = condition.draw(n, generator=generator, device=device)
        if self._compares and system.encoder is not None and system.encoder.stochastic:
            noise["posterior"] = torch.randn(n, system.encoder.code_dim, generator=generator, device=device)
        return noise

    def moves(self, images: Tensor, noise: Noise) -> Iterator[Move]:
        """The prior's move."""
        condition, loss = noise.get("condition"), self.adversarial_loss
        with frozen_statistics(self.critic):
            logits = self.critic(self.seen(self.system.prior_codes(noise["prior"], condition), condition))
            if self._compares:
                logits = loss.compared(logits, self._logits_of_data(images, noise.get("posterior"), condition))
        # D_C's loss on fakes is low where it takes codes for the encoder's.
        terms = {"prior": self.weight * loss.fake(logits)}
        conditioning = self.system.condition_loss(condition)
        if conditioning is not None:
            terms["conditioning"] = conditioning
        yield Move("prior", terms)

    @property
    def _compares(self) -> bool:
        """Whether logits are relative to those of the other kind of codes."""
        return self.adversarial_loss.comparison is not Comparison.ALONE

    def _logits_of_data(self, images: Tensor, noise: Tensor | None, condition: Tensor | None) -> Tensor:
        encoder = self.system.encoder
        assert encoder is not None, "a system with a regularizer has an encoder"
        with torch.no_grad(), frozen_statistics(encoder):
            logits: Tensor = self.critic(self.seen(encoder(images, noise).code, condition))
        return logits
