"""The flow-matching prior."""

from contextlib import nullcontext

import torch
from torch import Tensor

from priorkit.interfaces import Learning, Prior, Standardisation
from priorkit_plugins.code_fields.field import CodeField
from priorkit_plugins.code_fields.guidance import guided, with_dropout
from priorkit_plugins.single_precision import at_least_single, single_precision

__all__ = ["FlowMatchingPrior"]


class FlowMatchingPrior(Prior):
    """p(code) or p(code | s): a velocity field transports z ~ N(0, I) from time 0 to a code at time 1.

    The field is fitted to codes by regression: on the straight path from noise e to a code c, at the point (1 - t) e +
    t c, it should be c - e (Lipman et al. 2023, arXiv:2210.02747; Liu et al. 2023, arXiv:2209.03003). The mean of this
    velocity over all paths through a point transports the noise's distribution to that of the codes. `forward`
    integrates the field in midpoint steps, so gradients of images reach the field, too.

    In a stage on codes, codes are standardised to the noise's scale.

    Sampling computes the field in float32, never in mixed precision: errors of many steps add up.

    Args:
        velocity: The field.
        steps: Midpoint steps from noise to a code, at least 1.
        fits: Number of updates on the codes of a batch.
        times: Points in time, each with its own noise, for each code in an update.
        improvement: Factor of the gradient of training against the image discriminator.
        guidance: w of classifier-free guidance; 0 for none.
        condition_dropout: Share of the codes from which the field learns without s.
    """

    learning = Learning.CODES

    def __init__(
        self,
        velocity: CodeField,
        *,
        steps: int = 6,
        fits: int = 3,
        times: int = 4,
        improvement: float = 0.1,
        guidance: float = 0.0,
        condition_dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.velocity = velocity
        self.code_dim = velocity.codes.dim
        self.takes_condition = velocity.condition_dim > 0
        self.standardisation = Standardisation(velocity.codes)
        self.steps = steps
        self.code_steps = fits
        self.times = times
        self.improvement = improvement
        self.guidance = guidance
        self.condition_dropout = condition_dropout

    def noise(self, n: int, *, generator: torch.Generator | None = None, device: torch.device | None = None) -> Tensor:
        """Draws z ~ N(0, I), shape (n, code_dim)."""
        return torch.randn(n, self.code_dim, generator=generator, device=device)

    def forward(self, noise: Tensor, condition: Tensor | None = None) -> Tensor:
        """Turns noise (N, code_dim), and s (N, condition_dim) if used, into codes (N, code_dim)."""
        # In training, the field may be computed in the run's mixed precision, three times as fast; codes stay float32.
        with nullcontext() if self.training else single_precision(noise.device):
            code, size = noise, 1 / self.steps
            for step in range(self.steps):
                time = torch.full((len(code),), step * size, device=code.device, dtype=code.dtype)
                middle = code + 0.5 * size * self._velocity(code, time, condition)
                code = code + size * self._velocity(middle, time + 0.5 * size, condition)
            return self.standardisation.inverse(code)

    def _velocity(self, code: Tensor, time: Tensor, condition: Tensor | None) -> Tensor:
        return guided(self.velocity, code, time, condition, self.guidance)

    def standardise(self, mean: Tensor, deviation: Tensor) -> None:
        """Sets the scale of the codes by their means and deviations (code_dim,)."""
        self.standardisation.set(mean, deviation)

    def code_noise(
        self, n: int, *, generator: torch.Generator | None = None, device: torch.device | None = None
    ) -> Tensor:
        """Noise and times, `times` of each for every code: shape (n, times, code_dim + 1).

        With dropout of s, (n, times, code_dim + 2): the last number decides whether s is dropped.
        """
        noise = torch.randn(n, self.times, self.code_dim, generator=generator, device=device)
        uniform = torch.rand(n, self.times, 2 if self.condition_dropout else 1, generator=generator, device=device)
        return torch.cat([noise, uniform], dim=2)

    def code_loss(self, code: Tensor, noise: Tensor, condition: Tensor | None = None) -> Tensor:
        """The mean squared error of the field on straight paths from noise to codes (N, code_dim)."""
        scaled: Tensor = self.standardisation(at_least_single(code))
        end = scaled.repeat_interleave(self.times, dim=0)
        given = None if condition is None else condition.repeat_interleave(self.times, dim=0)
        start, uniform = noise.flatten(0, 1).to(end).tensor_split([self.code_dim], dim=1)
        time = uniform[:, :1]
        given = with_dropout(given, uniform[:, -1], self.condition_dropout)
        velocity: Tensor = self.velocity(torch.lerp(start, end, time), time.squeeze(1), given)
        return (velocity.to(end) - (end - start)).square().mean()
