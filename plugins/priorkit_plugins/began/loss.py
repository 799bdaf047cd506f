"""The loss of boundary equilibrium GANs."""

import torch
from torch import Tensor, nn

from priorkit.interfaces import AdversarialLoss

__all__ = ["BEGANLoss"]


class BEGANLoss(AdversarialLoss):
    """L(x) - k L(x') for the critic, L(x') for the generator (Berthelot et al. 2017, Section 3.4).

    L is the error with which the critic, an autoencoder, reconstructs a sample: its logits are -L. After each batch, k
    becomes k + lambda_k (gamma L(x) - L(x')), within [0, 1], where x' are the fakes of the critic's update (the paper
    uses those of the generator's update, which have the same distribution). If a critic sees several kinds of fakes,
    each kind updates k.

    Args:
        gamma: The diversity ratio, in (0, 1]: L(x') / L(x) in equilibrium.
        rate: lambda_k.
    """

    # k depends on a batch's images, and must be the same in all processes.
    needs_whole_batch = True

    k: Tensor
    real_error: Tensor

    def __init__(self, gamma: float = 0.5, rate: float = 0.001) -> None:
        super().__init__()
        self.gamma = gamma
        self.rate = rate
        self.register_buffer("k", torch.zeros(()))
        self.register_buffer("real_error", torch.zeros(()))

    def check(self, critic: nn.Module) -> None:
        """Refuses critics that are not autoencoders.

        Raises:
            ValueError: The critic does not declare itself an autoencoder (`is_autoencoder`).
        """
        if not getattr(critic, "is_autoencoder", False):
            raise ValueError(
                f"needs a critic that is an autoencoder, and {type(critic).__name__} is not; use --networks began, "
                "or another adversarial loss"
            )

    def real(self, logits: Tensor) -> Tensor:
        """Mean of L over logits (N,), which are -L."""
        error = -logits.float().mean()
        if self._learns():
            self.real_error.copy_(error.detach())
        return error

    def fake(self, logits: Tensor) -> Tensor:
        """Mean of -k L over logits (N,); then updates k, with the last real samples."""
        error = -logits.float().mean()
        loss = -self.k.clone() * error
        if self._learns():
            with torch.no_grad():
                self.k.add_(self.rate * (self.gamma * self.real_error - error.detach())).clamp_(0, 1)
        return loss

    def generator(self, logits: Tensor) -> Tensor:
        """Mean of L over logits (N,)."""
        return -logits.float().mean()

    def _learns(self) -> bool:
        return self.training and torch.is_grad_enabled()
