"""The adversarial regularizer."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from priorkit.interfaces import (
    AdversarialLoss,
    Comparison,
    Encoder,
    Learning,
    Phase,
    Posterior,
    Prior,
    Regularizer,
    System,
)
from priorkit_plugins.adversarial.code_imitation import CodeImitationPhase

__all__ = ["AdversarialRegularizer"]


class AdversarialRegularizer(Regularizer):
    """L_C = log D_C(z_c) + log(1 - D_C(enc(x))) (Eq. 5 of Wang et al. 2020): codes of the prior count as real.

    With a condition, D_C sees [code; s], where s is the label of x on both sides (Eq. 8).

    Args:
        critic: D_C, from [code; s] of shape (N, code_dim + condition_dim) to logits (N,).
        adversarial_loss: The loss of D_C and the encoder. It must have no parameters.
        weight: Weight of the encoder's loss.
        condition_dim: Dimensions of s; 0 if D_C does not see s.
        prior_weight: Weight of the loss of a prior that is trained against D_C, too, in a separate phase; 0 for none.
    """

    has_critic = True

    def __init__(
        self,
        critic: nn.Module,
        adversarial_loss: AdversarialLoss,
        weight: float = 1.0,
        condition_dim: int = 0,
        *,
        prior_weight: float = 0.0,
    ) -> None:
        super().__init__()
        self.critic = critic
        self.adversarial_loss = adversarial_loss
        self.weight = weight
        self.condition_dim = condition_dim
        self.prior_weight = prior_weight

    @property
    def uses_condition(self) -> bool:  # type: ignore[override]
        """Whether D_C receives s."""
        return self.condition_dim > 0

    @property
    def needs_mixing(self) -> bool:  # type: ignore[override]
        """Whether the adversarial loss has a penalty."""
        return self.adversarial_loss.has_penalty

    @property
    def needs_whole_batch(self) -> bool:  # type: ignore[override]
        """Whether the adversarial loss must see every code of a batch."""
        return self.adversarial_loss.needs_whole_batch

    def check(self, encoder: Encoder, prior: Prior) -> None:
        """Refuses priors that learn by likelihood, and a critic that the adversarial loss cannot work with.

        Raises:
            ValueError: It is one of these; the message says what to use instead.
        """
        if prior.learning is Learning.LIKELIHOOD:
            raise ValueError(
                f"does not use the prior's density, by which {type(prior).__name__} learns; use --regularizer kl, or a "
                "prior that has no parameters or learns adversarially, such as --prior gaussian or learned"
            )
        try:
            self.adversarial_loss.check(self.critic)
        except ValueError as error:
            raise ValueError(f"its adversarial loss {error}") from error

    def critic_terms(
        self, code: Tensor, prior_code: Tensor, condition: Tensor | None = None, mixing: Tensor | None = None
    ) -> dict[str, Tensor]:
        """`critic_real` on the prior's codes, `critic_fake` on the data's, and `critic_penalty` if the loss has one."""
        real, fake = self.seen(prior_code, condition), self.seen(code, condition)
        real_logits, fake_logits, loss = self.critic(real), self.critic(fake), self.adversarial_loss
        terms = {
            "critic_real": loss.real(loss.compared(real_logits, fake_logits)),
            "critic_fake": loss.fake(loss.compared(fake_logits, real_logits)),
        }
        if self.adversarial_loss.has_penalty:
            assert mixing is not None, "needs_mixing asks for it"
            # Between codes with the same s: the penalty does not restrict how D_C depends on s.
            terms["critic_penalty"] = self.adversarial_loss.penalty(
                lambda codes: self.critic(self.seen(codes, condition)), prior_code, code, mixing
            )
        return terms

    def encoder_terms(
        self,
        posterior: Posterior,
        prior: Prior,
        prior_code: Tensor,
        condition: Tensor | None = None,
        noise: Tensor | None = None,
    ) -> dict[str, Tensor]:
        """`regularization`: the encoder's adversarial loss against D_C."""
        logits, loss = self.critic(self.seen(posterior.code, condition)), self.adversarial_loss
        if loss.comparison is Comparison.ALONE:
            return {"regularization": self.weight * loss.generator(logits)}
        with torch.no_grad():
            real = self.critic(self.seen(prior_code, condition))
        return {"regularization": self.weight * loss.generator_compared(logits, real)}

    def phases(self, system: System) -> Sequence[Phase]:
        """The phase that trains the prior against D_C, if `prior_weight` is above 0.

        Raises:
            ValueError: The prior does not learn adversarially.
        """
        if not self.prior_weight:
            return ()
        if system.prior.learning is not Learning.ADVERSARIAL:
            raise ValueError(
                f"its prior_weight {self.prior_weight:g} is for priors that learn adversarially, and "
                f"{type(system.prior).__name__} does not; use --prior learned, or --regularizer.prior-weight 0"
            )
        return [CodeImitationPhase(system, self.critic, self.adversarial_loss, self.prior_weight, self.seen)]

    def seen(self, code: Tensor, condition: Tensor | None) -> Tensor:
        """The input of D_C for a code: the code, or [code; s]."""
        if not self.condition_dim:
            return code
        assert condition is not None, "the critic is built for a condition"
        return torch.cat([code, condition], dim=1)
