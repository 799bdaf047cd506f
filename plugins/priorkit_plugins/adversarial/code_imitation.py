"""The phase in which a prior learns by fooling the code discriminator."""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn

from priorkit.interfaces import AdversarialLoss, Comparison, Move, Noise, Phase, System, frozen_statistics

__all__ = ["CodeImitationPhase"]


class CodeImitationPhase(Phase):
    """The prior makes codes that D_C takes for the encoder's (Zhao et al. 2018, Algorithm 1, third step).

    D_C is trained in the autoencoder phase, where the prior's codes are its real ones and the encoder's its fakes. The
    encoder makes its codes look real there; here the prior makes its own look fake, and both meet.

    Args:
        system: The system that is trained.
        critic: D_C, from what it is shown of a code to logits (N,).
        adversarial_loss: Its loss.
        weight: Weight of the prior's adversarial loss; the prior itself weights its own loss given s, which the prior
            improvement phase minimises too.
        seen: What D_C is shown of codes (N, code_dim) and their s.
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
        """`prior`; `condition` and `posterior` (n, code_dim) where they are drawn."""
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
        # What D_C minimises on fakes says how surely it takes codes for the encoder's.
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
        assert encoder is not None, "a regularizer has an encoder beside it"
        with torch.no_grad(), frozen_statistics(encoder):
            logits: Tensor = self.critic(self.seen(encoder(images, noise).code, condition))
        return logits
