"""Scatter charts, as data for uPlot, and in words without scripts."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from priorkit.pages.curves import chart_figure, rounded
from priorkit.pages.markup import Html

__all__ = ["Point", "PointGroup", "scatter_figure"]


@dataclass(frozen=True)
class Point:
    """A point of a scatter chart.

    Attributes:
        across: Its position on the horizontal axis: a number, or a name.
        up: Its position on the vertical axis.
        note: A text that appears beside the point under the pointer.
    """

    across: float | str
    up: float
    note: str = ""


@dataclass(frozen=True)
class PointGroup:
    """Points that look alike.

    Attributes:
        name: The group's name in the legend.
        points: The points.
        colour: The number of their colour.
        hollow: Whether only their outline is drawn.
        joined: Whether a line joins them, from left to right.
    """

    name: str
    points: Sequence[Point]
    colour: int = 0
    hollow: bool = False
    joined: bool = False


def scatter_figure(
    title: str, groups: Sequence[PointGroup], identifier: str, *, across: str, up: str, log: bool = False
) -> Html:
    """Returns a scatter chart as HTML; the page needs `PageScript.CURVES`.

    Args:
        title: The chart's title.
        groups: The points; either all or none of them have names as horizontal positions. Points without finite
            coordinates are left out.
        identifier: The id of the chart's data on the page, different for each chart.
        across: The title of the horizontal axis.
        up: The title of the vertical axis.
        log: Whether the horizontal axis is logarithmic, if all positions are numbers above 0.
    """
    shown = [(number, point) for number, group in enumerate(groups) for point in group.points if _has_place(point)]
    names = sorted({point.across for _, point in shown if isinstance(point.across, str)})
    places = [float(names.index(p.across)) if isinstance(p.across, str) else p.across for _, p in shown]
    order = sorted(range(len(shown)), key=places.__getitem__)
    heights = [rounded(point.up) for _, point in shown]
    data = {
        "across": across,
        "up": up,
        "log": False,
        "log_across": log and not names and min(places, default=0.0) > 0,
        "names": [group.name for group in groups],
        "data": [
            [places[i] for i in order],
            *([heights[i] if shown[i][0] == number else None for i in order] for number in range(len(groups))),
        ],
        "colours": [group.colour for group in groups],
        "hollow": [group.hollow for group in groups],
        "joined": [group.joined for group in groups],
        "places": names,
        "notes": [shown[i][1].note for i in order],
    }
    return chart_figure(title, _in_words(up, [point.up for _, point in shown]), data, identifier)


def _has_place(point: Point) -> bool:
    return math.isfinite(point.up) and (isinstance(point.across, str) or math.isfinite(point.across))


def _in_words(up: str, values: Sequence[float]) -> str:
    if not values:
        return "no points"
    return f"{up}: from {min(values):.4g} to {max(values):.4g}, {len(values)} point{'s' * (len(values) > 1)}"
