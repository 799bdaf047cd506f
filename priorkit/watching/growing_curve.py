"""A growing curve in bounded memory."""

import math

__all__ = ["GrowingCurve"]

_MOST_STRETCHES = 400
"""Maximal number of stretches; each gives two points, and a page cannot show more."""

Point = tuple[float, float, float]


class GrowingCurve:
    """A curve that keeps the lowest and the highest point of each stretch of steps, and the last point of all.

    All stretches have the same length, which grows with the curve, so that spikes remain visible and early points are
    as dense as late ones. Values that are not finite are left out.

    Examples:
        >>> from priorkit.watching.growing_curve import GrowingCurve
        >>> curve = GrowingCurve()
        >>> curve.add(step=100, images=6400, value=0.5)
        >>> curve.points("step"), curve.points("images")
        ([(100, 0.5)], [(6400, 0.5)])
    """

    def __init__(self) -> None:
        self._length = 1
        self._stretches: dict[int, tuple[Point, Point]] = {}
        self._last: Point | None = None

    def add(self, step: float, images: float, value: float) -> None:
        """Adds a point at the end of the curve."""
        if not all(map(math.isfinite, (step, images, value))):
            return
        self._last = (step, images, value)
        self._put(self._last, self._last)
        while len(self._stretches) > _MOST_STRETCHES:
            self._length *= 2
            extremes = self._stretches.values()
            self._stretches = {}
            for low, high in extremes:
                self._put(low, high)

    def _put(self, low: Point, high: Point) -> None:
        # Points of one stretch stay together, because new lengths are multiples of earlier ones.
        place = int(low[0] // self._length)
        known = self._stretches.get(place)
        if known is not None:
            low, high = min(known[0], low, key=_value), max(known[1], high, key=_value)
        self._stretches[place] = (low, high)

    def points(self, across: str) -> list[tuple[float, float]]:
        """Returns the points from left to right.

        Args:
            across: The unit of the horizontal axis: `step` or `images`.
        """
        kept = {point for extremes in self._stretches.values() for point in extremes}
        if self._last is not None:
            kept.add(self._last)
        place = 1 if across == "images" else 0
        return [(point[place], point[2]) for point in sorted(kept)]


def _value(point: Point) -> float:
    return point[2]
