"""A curve that grows for days in little memory."""

import math

__all__ = ["GrowingCurve"]

_MOST_STRETCHES = 400
"""Each gives two points, and a page tells no more apart."""

Point = tuple[float, float, float]


class GrowingCurve:
    """The points of a curve as they come: of each stretch of steps, the lowest and the highest, and the last of all.

    The stretches are equally long, and grow as the curve does, so that spikes stay and early points are as dense as
    late ones. Values that are not finite are left out.

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
        """Adds a point behind the others."""
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
        # Two points of one stretch stay in one: lengths are multiples of those before.
        place = int(low[0] // self._length)
        known = self._stretches.get(place)
        if known is not None:
            low, high = min(known[0], low, key=_value), max(known[1], high, key=_value)
        self._stretches[place] = (low, high)

    def points(self, across: str) -> list[tuple[float, float]]:
        """The points from left to right.

        Args:
            across: What is counted horizontally: `step` or `images`.
        """
        kept = {point for extremes in self._stretches.values() for point in extremes}
        if self._last is not None:
            kept.add(self._last)
        place = 1 if across == "images" else 0
        return [(point[place], point[2]) for point in sorted(kept)]


def _value(point: Point) -> float:
    return point[2]
