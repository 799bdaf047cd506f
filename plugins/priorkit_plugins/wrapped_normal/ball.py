"""The Poincare ball: hyperbolic space as a ball whose lengths grow towards its boundary."""

import math

import torch
from torch import Tensor

from priorkit.interfaces import Space, Support

__all__ = ["Ball"]

_FARTHEST = 13.0
"""Largest distance of codes from the origin, for curvature -1: beyond, 1 - c |z|^2 would lose all precision in
float32."""
_TINY = 1e-12
"""Added to squared lengths, because the root has no gradient at 0."""


class Ball:
    """The open ball of radius 1 / sqrt(c) with the metric (2 / (1 - c |z|^2))^2 |dz|^2, of curvature -c.

    Formulas are those of Mathieu et al. 2019, Section 2 and Appendix B. Points are computed from tangent vectors
    together with 1 - c |z|^2, which is thereby precise near the boundary.

    Args:
        curvature: c, above 0.
    """

    def __init__(self, curvature: float) -> None:
        self.curvature = curvature
        self._root = math.sqrt(curvature)
        self.support = Support(Space.BALL, radius=1 / self._root)

    def from_origin(self, vector: Tensor) -> tuple[Tensor, Tensor]:
        """The points as far from the origin as vectors are long, in their directions; and log(1 - c |z|^2), (N,).

        Args:
            vector: Tangent vectors at the origin, shape (N, D), measured by the metric: a point's distance is |vector|.
        """
        half = 0.5 * self._root * _length(vector)
        points = vector * (torch.tanh(half) / (2 * half))[:, None]
        return points, 2 * _log_sech(half)

    def from_point(self, point: Tensor, log_gap: Tensor, vector: Tensor) -> tuple[Tensor, Tensor]:
        """The points reached from others by vectors, and log(1 - c |z|^2) of them.

        Args:
            point: The starting points, shape (N, D).
            log_gap: log(1 - c |point|^2), shape (N,).
            vector: Tangent vectors at `point`, carried there from the origin in parallel, shape (N, D): |vector| is the
                distance.
        """
        step, log_gap_of_step = self.from_origin(vector)
        c = self.curvature
        along = (point * step).sum(1, keepdim=True)
        squares = point.square().sum(1, keepdim=True), step.square().sum(1, keepdim=True)
        below = 1 + 2 * c * along + c * c * squares[0] * squares[1]
        # Moebius addition, which describes geodesics from a point.
        ahead = (1 + 2 * c * along + c * squares[1]) * point + log_gap.exp()[:, None] * step
        return self.kept(ahead / below), log_gap + log_gap_of_step - below[:, 0].log()

    def kept(self, points: Tensor) -> Tensor:
        """Points (N, D) that are too close to the boundary, or beyond it by rounding, moved back along their radius."""
        most = math.tanh(0.5 * _FARTHEST) / self._root
        return points * (most / _length(points).clamp(min=most))[:, None]

    def distance(self, points: Tensor) -> tuple[Tensor, Tensor]:
        """The distances of points (N, D) from the origin, and log(1 - c |z|^2), each (N,)."""
        size = self._root * _length(points)
        log_gap = torch.log1p(-size) + torch.log1p(size)
        return (2 * torch.log1p(size) - log_gap) / self._root, log_gap

    def log_volume(self, distance: Tensor, log_gap: Tensor, dim: int) -> Tensor:
        """How much denser volume of the ball is than that of a tangent space, where points are so far away: in nats.

        The logarithm of the determinant of the map from tangent vectors of length `distance` to points: that of the
        exponential map by the metric, (sinh(sqrt(c) r) / (sqrt(c) r))^(D - 1), by that of the metric's volume,
        (2 / (1 - c |z|^2))^D.

        Args:
            distance: r, shape (N,).
            log_gap: log(1 - c |z|^2) of the points that are reached, shape (N,).
            dim: D.
        """
        scaled = self._root * distance
        # sinh(x) / x, where x may be tiny or large.
        stretch = scaled + torch.log(-torch.expm1(-2 * scaled) / (2 * scaled))
        return (dim - 1) * stretch - dim * (math.log(2) - log_gap)


def _length(vectors: Tensor) -> Tensor:
    return (vectors.square().sum(1) + _TINY).sqrt()


def _log_sech(x: Tensor) -> Tensor:
    """-log cosh(x) of x at least 0."""
    return math.log(2) - x - torch.log1p(torch.exp(-2 * x))
