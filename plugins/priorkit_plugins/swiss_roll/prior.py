"""A spiral in the plane."""

import math

import torch
from torch import Tensor

from priorkit.interfaces import Prior

__all__ = ["SwissRollPrior"]


class SwissRollPrior(Prior):
    """code = t * radius * (cos a, sin a) + std * e, with a = 2 pi * turns * t, t = sqrt(u), u uniform, e ~ N(0, I).

    The square root spreads codes about evenly along the spiral. With a condition, the roll is cut into equal parts:
    class k of K has u in [k/K, (k+1)/K). It has no density in closed form.

    Args:
        turns: Turns of the spiral.
        radius: Distance of its outer end from 0.
        std: Standard deviation of the distance from the spiral, at least 0.
        classes: K, the dimensions of a one-hot s; 0 for none.
    """

    code_dim = 2

    def __init__(self, turns: float = 2.0, radius: float = 3.0, std: float = 0.05, classes: int = 0) -> None:
        super().__init__()
        self.turns = turns
        self.radius = radius
        self.std = std
        self.takes_condition = classes > 0

    def noise(self, n: int, *, generator: torch.Generator | None = None, device: torch.device | None = None) -> Tensor:
        """Shape (n, 3): u, uniform in [0, 1), and e, standard normal."""
        along = torch.rand(n, 1, generator=generator, device=device)
        return torch.cat([along, torch.randn(n, 2, generator=generator, device=device)], dim=1)

    def forward(self, noise: Tensor, condition: Tensor | None = None) -> Tensor:
        """Codes (N, 2) from noise (N, 3): on the parts of the classes in s (N, K), or anywhere on the roll."""
        share = noise[:, 0]
        if condition is not None:
            share = (condition.argmax(1) + share) / condition.shape[1]
        reach = share.sqrt()
        angle = 2 * math.pi * self.turns * reach
        spiral = self.radius * reach[:, None] * torch.stack([angle.cos(), angle.sin()], dim=1)
        return spiral + self.std * noise[:, 1:]
