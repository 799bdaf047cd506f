"""Heights of codes of a von Mises-Fisher distribution: their components along its mean direction."""

import math

import torch
from torch import Tensor
from torch.nn import functional

from priorkit_plugins.exponential_family import ExponentialFamily, Grid

__all__ = ["Heights", "log_area"]


def log_area(dim: int) -> float:
    """The logarithm of the surface of the unit sphere in `dim` dimensions: of a pair of points for one dimension."""
    return math.log(2) + dim / 2 * math.log(math.pi) - math.lgamma(dim / 2)


class Heights:
    """The density of w in [-1, 1] that is proportional to exp(kappa w) (1 - w^2)^((D - 3) / 2), for many kappa.

    Computations use t with w = tanh(t): its density, exp(kappa tanh(t)) cosh(t)^(1 - D), is a smooth bump on the whole
    line for every kappa and D. Its integral is a Bessel function, Gamma(D / 2 - 1 / 2) sqrt(pi) (2 / kappa)^(D / 2 - 1)
    I_(D / 2 - 1)(kappa), without the powers of kappa that cancel in it where kappa is small.

    Args:
        concentration: kappa, at least 0, shape (N,).
        dim: D, dimensions of the space around the sphere, at least 2.
    """

    def __init__(self, concentration: Tensor, dim: int) -> None:
        self.concentration = concentration
        self.dim = dim
        slope = dim - 1
        grid = _grid(concentration.detach(), slope)
        sizes = grid.points.abs()
        log_cosh = sizes + functional.softplus(-2 * sizes) - math.log(2)
        # w - 1 instead of w, for precision with large kappa: the maximum of the exponential is then 1.
        below = -2 * torch.sigmoid(-2 * grid.points)
        self._family = ExponentialFamily(concentration, below, -slope * log_cosh, grid)

    def log_normaliser(self) -> Tensor:
        """The logarithm of the integral of exp(kappa (w - 1)) over the sphere's surface, shape (N,)."""
        return self._family.log_normaliser() + log_area(self.dim - 1)

    def mean_below(self) -> Tensor:
        """The mean of w - 1, shape (N,)."""
        return self._family.mean_statistic()

    def draw(self, noise: Tensor) -> tuple[Tensor, Tensor]:
        """Draws by standard normal noise (N,): w - 1, and sqrt(1 - w^2), each (N,) and differentiable."""
        found = self._family.draw(noise)
        return -2 * torch.sigmoid(-2 * found), 1 / torch.cosh(found.clamp(-_STEEPEST, _STEEPEST))


_STEEPEST = 40.0
"""Bound on t: beyond, sqrt(1 - w^2) rounds to 0, and the hyperbolic cosine soon overflows."""
_NATS = 25.0
"""Decrease of the log-density beyond which tails are ignored."""


def _grid(concentration: Tensor, slope: int) -> Grid:
    """Points around the mode, where kappa (1 - w^2) = (D - 1) w."""
    root = torch.sqrt(slope**2 + 4 * concentration.square())
    # 1 - w, from the solution of this quadratic equation, without cancellation.
    short = (slope + slope**2 / (root + 2 * concentration)) / (slope + root)
    centre = 0.5 * ((2 - short) / short).log()
    width = (short * (2 - short) * (2 * concentration * (1 - short) + slope)).rsqrt()
    # The width is at least 1 / sqrt(2 slope), and tails fall by the slope.
    return Grid(centre, width, 8 + _NATS * math.sqrt(2 / slope))
