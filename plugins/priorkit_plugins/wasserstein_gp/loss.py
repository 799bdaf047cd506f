"""The Wasserstein loss with a gradient penalty."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from priorkit.interfaces import AdversarialLoss
from priorkit_plugins.single_precision import at_least_single, single_precision

__all__ = ["WassersteinGPLoss"]


class WassersteinGPLoss(AdversarialLoss):
    """D(x') - D(x) + lambda (||grad D(x_mixed)|| - 1)^2 for the critic, -D(x') for the generator.

    Eq. 3 and Algorithm 1 of Gulrajani et al. 2017; x_mixed lies uniformly on the line from x' to x. The paper trains
    the critic five times for each update of the generator.

    Args:
        weight: lambda; 10 in the paper.
    """

    has_penalty = True

    def __init__(self, weight: float = 10.0) -> None:
        super().__init__()
        self.weight = weight

    def check(self, critic: nn.Module) -> None:
        """Refuses critics with batch norm: the penalty is defined for single samples, which batch norm mixes.

        Raises:
            ValueError: The critic has batch norm (Section 4 of the paper, "No critic batch normalization").
        """
        if any(isinstance(layer, _BatchNorm) for layer in critic.modules()):
            raise ValueError(
                "needs a critic without batch norm, which would mix the samples whose gradients it holds at norm 1; "
                "use --networks.critic-norm layer (or none), or other networks"
            )

    def real(self, logits: Tensor) -> Tensor:
        """Mean of -D over outputs (N,)."""
        return -logits.float().mean()

    def fake(self, logits: Tensor) -> Tensor:
        """Mean of D over outputs (N,)."""
        return logits.float().mean()

    def generator(self, logits: Tensor) -> Tensor:
        """Mean of -D over outputs (N,)."""
        return -logits.float().mean()

    def penalty(self, critic: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor, mixing: Tensor) -> Tensor:
        """Lambda times the mean of (||grad D(x_mixed)|| - 1)^2, computed in float32.

        Args:
            critic: D, from samples (N, ...) to outputs (N,).
            real: x, shape (N, ...).
            fake: x', same shape.
            mixing: Shape (N,), uniform in [0, 1): 1 would be x, 0 is x'.
        """
        # Under autocast, samples may have lower precision than the critic's weights (single or double).
        real, fake = at_least_single(real.detach()), at_least_single(fake.detach())
        shares = mixing.to(real.dtype).view(-1, *[1] * (real.ndim - 1))
        mixed = torch.lerp(fake, real, shares).requires_grad_()
        with torch.enable_grad(), single_precision(real.device):
            (gradient,) = torch.autograd.grad(critic(mixed).sum(), mixed, create_graph=True)
            norms = torch.linalg.vector_norm(gradient.flatten(1), dim=1)
            penalty: Tensor = self.weight * (norms - 1).square().mean()
            return penalty.float()
