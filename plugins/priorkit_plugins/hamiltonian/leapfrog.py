"""Tempered leapfrog steps, whose sizes and inverse temperature are learned."""

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

__all__ = ["Leapfrog"]


class Leapfrog(nn.Module):
    """Moves positions and momenta by K leapfrog steps, with quadratic tempering (Caterini et al. 2018, Algorithm 1).

    Step k is a half step of the momentum, a step of the position and another half step of the momentum, along the
    gradient of log p(x, z); then the momentum shrinks by sqrt(beta_{k-1} / beta_k). The inverse temperatures rise from
    beta_0 to beta_K = 1: 1 / sqrt(beta_k) = (1 - 1 / sqrt(beta_0)) k^2 / K^2 + 1 / sqrt(beta_0).

    Leapfrog steps preserve volumes; the tempering multiplies them by beta_0^(dim / 2). This cancels the change of
    volume from standard normal noise to the initial momentum, N(0, I / beta_0).

    Args:
        dim: Dimensions of a position.
        steps: K.
        step_size: Initial step size of every dimension; learned.
        largest_step: Bound on the step sizes.
        inverse_temperature: Initial beta_0, at most 1; learned, unless it is 1, which turns tempering off.
    """

    def __init__(
        self,
        dim: int,
        *,
        steps: int = 3,
        step_size: float = 0.05,
        largest_step: float = 0.5,
        inverse_temperature: float = 0.3,
    ) -> None:
        super().__init__()
        self.steps = steps
        self.largest_step = largest_step
        share = step_size / largest_step
        self.step_logits = nn.Parameter(torch.full((dim,), math.log(share / (1 - share))))
        tempered = inverse_temperature < 1
        self.temperature_logit = (
            nn.Parameter(torch.tensor(math.log(inverse_temperature / (1 - inverse_temperature)))) if tempered else None
        )

    @property
    def step_sizes(self) -> Tensor:
        """The step sizes, shape (dim,), between 0 and `largest_step`."""
        return self.largest_step * torch.sigmoid(self.step_logits)

    def first_momentum(self, noise: Tensor) -> Tensor:
        """Draws from N(0, I / beta_0), (N, dim), by standard normal noise (N, dim)."""
        return self._roots()[0] * noise

    def forward(
        self, position: Tensor, momentum: Tensor, gradient: Callable[[Tensor], Tensor]
    ) -> tuple[Tensor, Tensor]:
        """Positions and momenta, each (N, dim), after K steps.

        Args:
            position: Shape (N, dim).
            momentum: Shape (N, dim), drawn from N(0, I / beta_0).
            gradient: Returns the gradient of log p(x, z), (N, dim), at positions (N, dim); called K + 1 times, last at
                the returned positions.
        """
        size, roots = self.step_sizes, self._roots()
        force = gradient(position)
        for step in range(1, self.steps + 1):
            momentum = momentum + 0.5 * size * force
            position = position + size * momentum
            force = gradient(position)
            momentum = (momentum + 0.5 * size * force) * (roots[step] / roots[step - 1])
        return position, momentum

    def _roots(self) -> list[Tensor]:
        """1 / sqrt(beta_k), for k from 0 to K."""
        if self.temperature_logit is None:
            return [torch.ones_like(self.step_logits[0])] * (self.steps + 1)
        first = torch.rsqrt(torch.sigmoid(self.temperature_logit))
        return [(1 - first) * (step / self.steps) ** 2 + first for step in range(self.steps + 1)]
