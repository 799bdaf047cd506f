"""Charts of a sweep as SVG and HTML: trials as points, and shares as bars."""

import html
import math
from collections.abc import Sequence
from dataclasses import dataclass

from priorkit.pages import Html

__all__ = ["Point", "bars", "scatter"]

_WIDTH, _HEIGHT = 440, 280
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 14, 14, 44
_TICKS = 8
_MOST_NAMES = 8
"""Maximal number of names along an axis."""


@dataclass(frozen=True)
class Point:
    """A trial in a chart.

    Attributes:
        across: Its position on the horizontal axis: a number, or a name.
        up: Its position on the vertical axis.
        title: Its tooltip.
        kind: Its class in the page's style: `best`, `complete` or `pruned`.
    """

    across: float | str
    up: float
    title: str
    kind: str = "complete"


class _Axis:
    """Maps values to positions, and chooses ticks; without values, the axis is from 0 to 1."""

    def __init__(self, values: Sequence[float], start: float, end: float, *, log: bool) -> None:
        values = values or (0.0, 1.0)
        self.log = log and min(values) > 0
        low, high = min(map(self._scaled, values)), max(map(self._scaled, values))
        spare = (high - low) * 0.06 or abs(high) * 0.05 or 1.0
        self._low, self._high, self._start, self._end = low - spare, high + spare, start, end

    def _scaled(self, value: float) -> float:
        return math.log10(value) if self.log else value

    def place(self, value: float) -> float:
        """The position of a value."""
        return self._start + (self._end - self._start) * (self._scaled(value) - self._low) / (self._high - self._low)

    def ticks(self) -> list[float]:
        """Round values between the ends."""
        rough = (self._high - self._low) / _TICKS
        if self.log:
            whole = range(math.ceil(self._low), math.floor(self._high) + 1)
            if len(whole) >= 2:
                return [10.0**power for power in whole]
            return [10 ** (self._low + rough * (index + 0.5)) for index in range(_TICKS)]
        unit = 10.0 ** math.floor(math.log10(rough))
        step = next(unit * times for times in (1, 2, 5, 10) if unit * times >= rough)
        first = math.ceil(self._low / step)
        return [index * step for index in range(first, math.floor(self._high / step) + 1)]


def _text(x: float, y: float, words: str, anchor: str = "middle", more: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{more}>{html.escape(words)}</text>'


def _is_finite(value: float | str) -> bool:
    return isinstance(value, str) or math.isfinite(value)


def _number(value: float) -> str:
    return f"{value:.4g}" if abs(value) >= 1e-12 else "0"


def scatter(
    points: Sequence[Point], across: str, up: str, *, log: bool = False, line: Sequence[tuple[float, float]] = ()
) -> Html:
    """A chart of points; points without finite coordinates are left out.

    Args:
        points: The points; either all or none of them have names as horizontal positions.
        across: The title of the horizontal axis.
        up: The title of the vertical axis.
        log: Whether the horizontal axis is logarithmic, if all values are above 0.
        line: Points of a line, as values of both axes.
    """
    points = [point for point in points if _is_finite(point.across) and _is_finite(point.up)]
    line = [(x, y) for x, y in line if _is_finite(x) and _is_finite(y)]
    names = list(dict.fromkeys(str(point.across) for point in points if isinstance(point.across, str)))
    places = [float(names.index(point.across)) if isinstance(point.across, str) else point.across for point in points]
    right, bottom = _WIDTH - _RIGHT, _HEIGHT - _BOTTOM
    horizontal = _Axis([*places, *(x for x, _ in line)], _LEFT, right, log=log and not names)
    vertical = _Axis([*(point.up for point in points), *(y for _, y in line)], bottom, _TOP, log=False)
    parts = [f'<rect x="{_LEFT}" y="{_TOP}" width="{right - _LEFT}" height="{bottom - _TOP}" class="field"/>']
    for value in vertical.ticks():
        y = vertical.place(value)
        parts.append(f'<line x1="{_LEFT}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}" class="tick"/>')
        parts.append(_text(_LEFT - 6, y + 4, _number(value), "end"))
    if names:
        every = math.ceil(len(names) / _MOST_NAMES)
        marks = [(float(index), name) for index, name in enumerate(names) if index % every == 0]
    else:
        marks = [(value, _number(value)) for value in horizontal.ticks()]
    parts += [_text(horizontal.place(value), bottom + 16, words) for value, words in marks]
    if line:
        path = " ".join(f"{horizontal.place(x):.1f},{vertical.place(y):.1f}" for x, y in line)
        parts.append(f'<polyline points="{path}" class="front"/>')
    for point, place in zip(points, places, strict=True):
        title = f"<title>{html.escape(point.title)}</title>"
        at = f'cx="{horizontal.place(place):.1f}" cy="{vertical.place(point.up):.1f}"'
        parts.append(f'<circle {at} r="4.5" class="{point.kind}">{title}</circle>')
    parts.append(_text((_LEFT + right) / 2, _HEIGHT - 8, across, more=' class="name"'))
    middle = (_TOP + bottom) / 2
    parts.append(_text(14, middle, up, more=f' class="name" transform="rotate(-90 14 {middle:.1f})"'))
    label = html.escape(f"{up} by {across}")
    return Html(f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{label}">{"".join(parts)}</svg>')


def bars(shares: Sequence[tuple[str, float]]) -> Html:
    """A table of shares, each with a bar of proportional length."""
    row = Html('<tr><td>{}</td><td class="bar"><i style="width:{:.1f}%"></i></td><td>{:.0%}</td></tr>')
    rows = (row.format(name, 100 * max(0.0, min(share, 1.0)), share) for name, share in shares)
    return Html('<table class="bars">{}</table>').format(Html("").join(rows))
