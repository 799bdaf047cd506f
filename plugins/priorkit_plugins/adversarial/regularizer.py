"""The adversarial regularizer."""

from torch import Tensor, nn

from priorkit.interfaces import AdversarialLoss, Posterior, Prior, Regularizer

__all__ = ["AdversarialRegularizer"]


class AdversarialRegularizer(Regularizer):
    """L_C = log D_C(z_c) + log(1 - D_C(enc(x))) (Eq. 5 of Wang et al. 2020): codes of the prior are the real ones.

    Args:
        critic: D_C, from codes (N, code_dim) to logits (N,).
        adversarial_loss: What D_C and the encoder minimise. It must have no parameters of its own.
        weight: Weight of the encoder's loss.
    """

    def __init__(self, critic: nn.Module, adversarial_loss: AdversarialLoss, weight: float = 1.0) -> None:
        super().__init__()
        self.critic = critic
        self.adversarial_loss = adversarial_loss
        self.weight = weight

    def critic_terms(self, code: Tensor, prior_code: Tensor) -> dict[str, Tensor]:
        """`critic_real` on the prior's codes and `critic_fake` on the data's."""
        return {
            "critic_real": self.adversarial_loss.real(self.critic(prior_code)),
            "critic_fake": self.adversarial_loss.fake(self.critic(code)),
        }

    def encoder_terms(self, posterior: Posterior, prior: Prior, prior_code: Tensor) -> dict[str, Tensor]:
        """`regularization`: how well D_C tells the data's codes."""
        return {"regularization": self.weight * self.adversarial_loss.generator(self.critic(posterior.code))}
