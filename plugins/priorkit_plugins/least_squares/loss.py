"""The least-squares adversarial loss."""

from torch import Tensor

from priorkit.interfaces import AdversarialLoss

__all__ = ["LeastSquaresLoss"]


class LeastSquaresLoss(AdversarialLoss):
    """Half the squared distance of the critic's outputs from their targets (Mao et al. 2017, Eq. 2).

    The defaults are the paper's 0-1 coding (Eq. 9). a = -1, b = 1, c = 0 is its other choice (Eq. 8), which minimises
    the Pearson chi-squared divergence because b - c = 1 and b - a = 2. Outputs have no sigmoid.

    Args:
        a: The critic's target for generated samples.
        b: The critic's target for real samples.
        c: The generator's target for its own samples.
    """

    def __init__(self, a: float = 0.0, b: float = 1.0, c: float = 1.0) -> None:
        super().__init__()
        self.a = a
        self.b = b
        self.c = c

    def real(self, logits: Tensor) -> Tensor:
        """Mean of (D - b)^2 / 2 over outputs (N,)."""
        return 0.5 * (logits.float() - self.b).square().mean()

    def fake(self, logits: Tensor) -> Tensor:
        """Mean of (D - a)^2 / 2 over outputs (N,)."""
        return 0.5 * (logits.float() - self.a).square().mean()

    def generator(self, logits: Tensor) -> Tensor:
        """Mean of (D - c)^2 / 2 over outputs (N,)."""
        return 0.5 * (logits.float() - self.c).square().mean()
