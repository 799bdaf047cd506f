"""The adversarial regularizer."""

import torch
from torch import Tensor, nn

from priorkit.interfaces import AdversarialLoss, Posterior, Prior, Regularizer

__all__ = ["AdversarialRegularizer"]


class AdversarialRegularizer(Regularizer):
    """L_C = log D_C(z_c) + log(1 - D_C(enc(x))) (Eq. 5 of Wang et al. 2020): codes of the prior are the real ones.

    With a condition, D_C sees [code; s], where s is the label of x on both sides (Eq. 8).

    Args:
        critic: D_C, from [code; s] of shape (N, code_dim + condition_dim) to logits (N,).
        adversarial_loss: What D_C and the encoder minimise. It must have no parameters of its own.
        weight: Weight of the encoder's loss.
        condition_dim: Dimensions of s; 0 where D_C sees none.
    """

    def __init__(
        self, critic: nn.Module, adversarial_loss: AdversarialLoss, weight: float = 1.0, condition_dim: int = 0
    ) -> None:
        super().__init__()
        self.critic = critic
        self.adversarial_loss = adversarial_loss
        self.weight = weight
        self.condition_dim = condition_dim

    def critic_terms(
        self, code: Tensor, prior_code: Tensor, condition: Tensor | None = None, mixing: Tensor | None = None
    ) -> dict[str, Tensor]:
        """`critic_real` on the prior's codes and `critic_fake` on the data's."""
        return {
            "critic_real": self.adversarial_loss.real(self._logits(prior_code, condition)),
            "critic_fake": self.adversarial_loss.fake(self._logits(code, condition)),
        }

    def encoder_terms(
        self, posterior: Posterior, prior: Prior, prior_code: Tensor, condition: Tensor | None = None
    ) -> dict[str, Tensor]:
        """`regularization`: how well D_C tells the data's codes."""
        logits = self._logits(posterior.code, condition)
        return {"regularization": self.weight * self.adversarial_loss.generator(logits)}

    def _logits(self, code: Tensor, condition: Tensor | None) -> Tensor:
        seen = code
        if self.condition_dim:
            assert condition is not None, "the critic is built for a condition"
            seen = torch.cat([code, condition], dim=1)
        logits: Tensor = self.critic(seen)
        return logits
