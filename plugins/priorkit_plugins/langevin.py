"""Langevin dynamics from a standard normal distribution."""

from collections.abc import Callable

from torch import Tensor

__all__ = ["langevin"]


def langevin(uphill: Callable[[Tensor], Tensor], noise: Tensor, step_size: float) -> Tensor:
    """The ends of chains that follow the gradient of a log-density of the form f(w) + log N(w; 0, I).

    A step goes from w to w + step_size^2 / 2 times the gradient + step_size times noise. Steps are never rejected, so
    chains of any length deviate from the density, by terms of order step_size^2; short chains also depend on their
    start.

    Args:
        uphill: The gradient of f at w (N, code_dim).
        noise: Standard normal (N, steps + 1, code_dim): the start of each chain, then the noise of each step.
        step_size: Size of a step.
    """
    white, *steps = noise.unbind(dim=1)
    for step in steps:
        white = white + 0.5 * step_size**2 * (uphill(white) - white) + step_size * step
    return white
