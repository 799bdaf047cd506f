"""Langevin dynamics from a standard normal distribution."""

from collections.abc import Callable

from torch import Tensor

__all__ = ["langevin"]


def langevin(uphill: Callable[[Tensor], Tensor], noise: Tensor, step_size: float) -> Tensor:
    """The ends of chains that follow the gradient of a log-density of the form f(w) + log N(w; 0, I).

    A step goes from w to w + step_size^2 / 2 times the gradient + step_size times noise. It is never rejected, so that
    chains of any length differ from the density: by terms of order step_size^2, and short ones by where they started.

    Args:
        uphill: The gradient of f at w (N, code_dim).
        noise: Standard normal (N, steps + 1, code_dim): where chains start, then the noise of each step.
        step_size: Of the steps.
    """
    white, *steps = noise.unbind(dim=1)
    for step in steps:
        white = white + 0.5 * step_size**2 * (uphill(white) - white) + step_size * step
    return white
