"""Univariate exponential families, sampled by quantiles with implicit gradients."""

import math

import torch
from torch import Tensor

__all__ = ["ExponentialFamily", "Grid"]

_STEP = 1 / 12
"""Smallest distance of a grid's points, in widths of the density."""
_FINE = 4.0
"""Within about this many widths of the centre, points have the smallest distance; beyond, distances grow in
proportion."""


class Grid:
    """Points of the line for each of N densities: close to each other around its mode, further apart in its tails.

    Args:
        centre: Approximate mode of each density, shape (N,).
        width: Approximate standard deviation of its bulk, shape (N,).
        reach: Distance in widths beyond which tails are ignored.
    """

    def __init__(self, centre: Tensor, width: Tensor, reach: float) -> None:
        self._centre, self._width = centre.detach()[:, None], width.detach()[:, None]
        self._half = math.ceil(_FINE * math.asinh(reach / _FINE) / _STEP)
        index = torch.arange(2 * self._half + 1, device=centre.device, dtype=centre.dtype)
        self.points = self.at(index)
        self.distances = self.distance_at(index)

    def at(self, index: Tensor) -> Tensor:
        """The points at indices (K,) or (N, K), which may be fractional: (N, K)."""
        return self._centre + self._width * _FINE * self._place(index).sinh()

    def distance_at(self, index: Tensor) -> Tensor:
        """The distance between neighbouring points at indices: the derivative of `at`."""
        return self._width * _STEP * self._place(index).cosh()

    def _place(self, index: Tensor) -> Tensor:
        return _STEP / _FINE * (index - self._half)


class ExponentialFamily:
    """Densities exp(parameter * statistic(t) + base(t)) / Z(parameter) of a number t, one for each parameter.

    log Z is computed by the trapezoidal rule, whose error falls exponentially with the number of points (Trefethen and
    Weideman 2014, The exponentially convergent trapezoidal rule). A draw is the quantile of normal noise. Its gradient
    by the parameter follows from the fact that the distribution function F(t; parameter) stays constant: dt/dparameter
    = -(dF/dparameter) / density (Figurnov et al. 2018, Implicit reparameterization gradients, arXiv:1805.08498).

    Args:
        parameter: Shape (N,).
        statistic: Its values at the points of the grid, (N, K).
        base: Its values at the points of the grid, (N, K).
        grid: The points at which densities are computed.
    """

    def __init__(self, parameter: Tensor, statistic: Tensor, base: Tensor, grid: Grid) -> None:
        self.parameter = parameter
        self.statistic = statistic
        self.grid = grid
        self._logits = parameter[:, None] * statistic + base + grid.distances.log()

    def log_normaliser(self) -> Tensor:
        """Log Z, shape (N,), differentiable by the parameter."""
        return torch.logsumexp(self._logits, dim=1)

    def mean_statistic(self) -> Tensor:
        """The mean of the statistic, shape (N,), differentiable by the parameter."""
        return (torch.softmax(self._logits, dim=1) * self.statistic).sum(1)

    def draw(self, noise: Tensor) -> Tensor:
        """Quantiles t, shape (N,), at the level that `noise`, shape (N,), has in the standard normal distribution.

        Once differentiable by the parameter and by the noise.
        """
        drawn, by_parameter, by_noise = self._quantiles(noise.detach())
        moved: Tensor = drawn + by_parameter * (self.parameter - self.parameter.detach())
        return moved + by_noise * (noise - noise.detach())

    @torch.no_grad()
    def _quantiles(self, noise: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Quantiles and their derivatives by the parameter and by the noise, each (N,)."""
        heights = torch.softmax(self._logits, dim=1)
        centred = heights * (self.statistic - (heights * self.statistic).sum(1, keepdim=True))
        # From the nearer end, where sums of small numbers are precise.
        lower = (noise < 0)[:, None]
        heights = torch.where(lower, heights, heights.flip(1))
        masses = _integrals(heights).clamp(min=0)
        masses = masses / masses.sum(1, keepdim=True)
        changes = _integrals(torch.where(lower, centred, centred.flip(1)))
        target = torch.special.log_ndtr(-noise.abs()).exp()[:, None]
        sums = masses.cumsum(1)
        cell = (sums < target).sum(1, keepdim=True).clamp(max=masses.shape[1] - 1)
        mass = masses.gather(1, cell)
        share = ((target - sums.gather(1, cell) + mass) / mass.clamp(min=1e-38)).clamp(0, 1)
        low, high = heights.gather(1, cell), heights.gather(1, cell + 1)
        # Between two points the density is nearly exponential.
        steep = (high.clamp(min=1e-38) / low.clamp(min=1e-38)).log()
        flat = steep.abs() < 1e-3
        steep = torch.where(flat, 1.0, steep)
        place = torch.where(flat, share, torch.log1p(share * torch.expm1(steep)) / steep)
        index = cell + place
        index = torch.where(lower, index, masses.shape[1] - index)
        drawn = self.grid.at(index)
        # The log-density at the draw is interpolated, as at the points.
        low, high = low.clamp(min=1e-38).log(), high.clamp(min=1e-38).log()
        density = (low + place * (high - low)).exp() / self.grid.distance_at(index)
        change = changes.cumsum(1).gather(1, cell) - (1 - share) * changes.gather(1, cell)
        by_parameter = torch.where(lower, -change, change) / density
        by_noise = torch.exp(-0.5 * noise.square()[:, None]) / math.sqrt(math.tau) / density
        return drawn[:, 0], by_parameter[:, 0], by_noise[:, 0]


def _integrals(values: Tensor) -> Tensor:
    """Integrals of a function between equally spaced points (N, K), by cubic polynomials: (N, K - 1)."""
    inner = torch.nn.functional.pad(values, (1, 1))
    return (13 * (inner[:, 1:-2] + inner[:, 2:-1]) - inner[:, :-3] - inner[:, 3:]) / 24
