"""Curves of measurements, as data for uPlot (https://github.com/leeoniya/uPlot), and in words without scripts."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from priorkit.pages.markup import Html, json_island, section
from priorkit.pages.measurement_names import name_measurement

__all__ = ["Panel", "chart_figure", "curve_figure", "curve_sections", "panels_of", "panels_of_curves", "rounded"]

_NOT_SHOWN = ("step", "images", "seconds")
_SYMPTOM = "symptom/"
_MOST_POINTS = 800
"""Approximate maximal number of points of a curve: more cannot be distinguished, and would make the page large."""
_LOG_SPAN = 50.0
"""Values that differ by more than this factor get a logarithmic axis."""
_ORDER = ("Held-out images", "Scores during training", "Losses", "Indicators of collapse", "Others")

Points = list[tuple[float, float]]


@dataclass(frozen=True)
class Panel:
    """Curves that share two axes.

    Attributes:
        section: The heading of the panel's group.
        title: The name of the measurement.
        across: The unit of the horizontal axis: `step`, or `images seen`.
        curves: The points of each curve by its name, from left to right; values that are not finite are gaps.
        colours: The number of each curve's colour by the curve's name. Of curves with the same colour, the first is
            solid and the others are dashed. If empty, each curve has its own colour.
    """

    section: str
    title: str
    across: str
    curves: Mapping[str, Sequence[tuple[float, float]]]
    colours: Mapping[str, int] = field(default_factory=dict)

    @property
    def log(self) -> bool:
        """Whether the values need a logarithmic axis."""
        values = [y for points in self.curves.values() for _, y in points if math.isfinite(y)]
        return bool(values) and min(values) > 0 and max(values) > _LOG_SPAN * min(values)

    @property
    def in_words(self) -> str:
        """The last value of each curve, and its range."""
        told = []
        for name, points in self.curves.items():
            values = [y for _, y in points if math.isfinite(y)]
            if values:
                called = f"{name}: " if name else ""
                told.append(f"{called}{values[-1]:.4g}, from {min(values):.4g} to {max(values):.4g}")
        return "; ".join(told) or "no finite values"

    def as_data(self) -> dict[str, Any]:
        """Returns plain values for JSON: all curves at all places of any curve, with None for missing values."""
        thinned = {name: _thinned(points) for name, points in self.curves.items()}
        places = sorted({x for points in thinned.values() for x, _ in points})
        values = []
        for points in thinned.values():
            known = dict(points)
            values.append([rounded(known.get(x)) for x in places])
        data = {"across": self.across, "log": self.log, "names": list(thinned), "data": [places, *values]}
        if self.colours:
            colours = [self.colours[name] for name in thinned]
            data["colours"] = colours
            data["dashed"] = [colour in colours[:place] for place, colour in enumerate(colours)]
        return data


def rounded(value: float | None) -> float | None:
    """Returns a number with the digits that a chart shows; None if it is not finite."""
    return None if value is None or not math.isfinite(value) else float(f"{value:.6g}")


def _thinned(points: Sequence[tuple[float, float]]) -> Sequence[tuple[float, float]]:
    """Returns the lowest and the highest point of each stretch of a long curve, so that spikes remain visible."""
    if len(points) <= _MOST_POINTS:
        return points
    width = -(-2 * len(points) // _MOST_POINTS)
    kept: dict[float, float] = {}
    for start in range(0, len(points), width):
        stretch = [point for point in points[start : start + width] if math.isfinite(point[1])]
        if stretch:
            lowest = min(stretch, key=lambda point: point[1])
            highest = max(stretch, key=lambda point: point[1])
            kept.update(sorted((lowest, highest)))
    kept[points[-1][0]] = points[-1][1]
    return sorted(kept.items())


def panels_of(runs: Mapping[str, Iterable[Mapping[str, float]]], *, across: str = "step") -> list[Panel]:
    """Arranges the measurements of runs in panels: held-out scores first, a critic's two losses together.

    Args:
        runs: The rows of each run's `metrics.jsonl`, by the run's name; the name of a single run may be empty.
        across: The unit of the horizontal axis: `step` or `images`.
    """
    curves: dict[str, dict[str, Points]] = {}
    for run, rows in runs.items():
        found = curves.setdefault(run, {})
        for row in rows:
            for key, value in row.items():
                found.setdefault(key, []).append((row[across], value))
    return panels_of_curves(curves, across=across)


def panels_of_curves(
    runs: Mapping[str, Mapping[str, Sequence[tuple[float, float]]]], *, across: str = "step"
) -> list[Panel]:
    """Arranges curves of runs in panels, like `panels_of`; each of several runs has its own colour.

    Args:
        runs: For each run, by its name, the points of each measurement by its key in `metrics.jsonl`; the name of a
            single run may be empty.
        across: The unit of the horizontal axis: `step` or `images`.
    """
    found: dict[tuple[str, str], dict[str, Sequence[tuple[float, float]]]] = {}
    colours: dict[str, int] = {}
    for number, (run, curves) in enumerate(runs.items()):
        for key, points in curves.items():
            if key in _NOT_SHOWN or key.startswith(_SYMPTOM):
                continue
            name = name_measurement(key)
            curve = ", ".join(part for part in (run, name.curve) if part)
            found.setdefault((name.section, name.panel), {})[curve] = points
            colours[curve] = number
    counted = "images seen" if across == "images" else across
    panels = [
        Panel(*place, counted, curves, {curve: colours[curve] for curve in curves} if len(runs) > 1 else {})
        for place, curves in found.items()
    ]
    # Within a group, panels keep the order in which the training has written them.
    return sorted(panels, key=lambda panel: _ORDER.index(panel.section))


def curve_figure(panel: Panel, identifier: str) -> Html:
    """Returns a panel as HTML; the page needs `PageScript.CURVES`.

    Args:
        panel: The panel.
        identifier: The id of the panel's data on the page, different for each panel.
    """
    return chart_figure(panel.title, panel.in_words, panel.as_data(), identifier)


def chart_figure(title: str, in_words: str, data: Mapping[str, Any], identifier: str) -> Html:
    """Returns data as a figure that `static/curves.js` draws; without scripts, the figure has the words only."""
    return Html(
        '<figure class="curves" data-curves="{}"><figcaption>{}</figcaption><p class="values">{}</p>{}</figure>'
    ).format(identifier, title, in_words, json_island(identifier, data))


def curve_sections(panels: Sequence[Panel]) -> list[Html]:
    """Returns panels as HTML, with a section for each group; the page needs `PageScript.CURVES`."""
    groups: dict[str, list[Html]] = {}
    for number, panel in enumerate(panels):
        groups.setdefault(panel.section, []).append(curve_figure(panel, f"curves-{number}"))
    panels_html = Html('<div class="panels">{}</div>')
    return [section(name, panels_html.format(Html("").join(figures))) for name, figures in groups.items()]
