import json
import math
import re
from typing import Any

import pytest

from priorkit.pages import Point, PointGroup, scatter_figure


def data_of(*groups: PointGroup, log: bool = False) -> dict[str, Any]:
    found = re.search(r'<script type="application/json" id="chart">(.*?)</script>', drawn(*groups, log=log))
    assert found
    return json.loads(found[1], parse_constant=pytest.fail)


def drawn(*groups: PointGroup, log: bool = False) -> str:
    return scatter_figure("a chart", groups, "chart", across="x", up="y", log=log)


def test_points_lie_in_the_order_of_the_axis_each_in_its_group() -> None:
    found = data_of(
        PointGroup("pruned", [Point(3.0, 0.5, "late")], hollow=True),
        PointGroup("best", [Point(2.0, 0.25, "second"), Point(1.0, 0.75, "first")], colour=1, joined=True),
    )
    assert found["data"] == [[1.0, 2.0, 3.0], [None, None, 0.5], [0.75, 0.25, None]]
    assert found["notes"] == ["first", "second", "late"]
    assert (found["names"], found["colours"]) == (["pruned", "best"], [0, 1])
    assert (found["hollow"], found["joined"]) == ([True, False], [False, True])


def test_names_are_places_along_the_axis() -> None:
    found = data_of(PointGroup("", [Point("b", 1.0), Point("a", 2.0), Point("b", 3.0)]), log=True)
    assert found["places"] == ["a", "b"]
    assert found["data"] == [[0.0, 1.0, 1.0], [2.0, 1.0, 3.0]]
    assert not found["log_across"]


@pytest.mark.parametrize(("places", "log"), [((1e-4, 1e-2), True), ((0.0, 1.0), False), ((-1.0, 1.0), False)])
def test_only_positive_places_get_a_logarithmic_axis(places: tuple[float, ...], log: bool) -> None:
    group = PointGroup("", [Point(place, 1.0) for place in places])
    assert data_of(group, log=True)["log_across"] is log
    assert not data_of(group)["log_across"]


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_points_without_finite_coordinates_have_no_place(bad: float) -> None:
    found = data_of(PointGroup("", [Point(bad, 1.0), Point(1.0, bad), Point(2.0, 3.0)]))
    assert found["data"] == [[2.0], [3.0]]
    assert data_of(PointGroup("", [Point(bad, 1.0)]), log=True)["data"] == [[], []]


def test_charts_are_readable_without_scripts() -> None:
    assert '<p class="values">y: from 1 to 2, 2 points</p>' in drawn(PointGroup("", [Point(1, 1), Point(2, 2)]))
    assert "no points" in drawn()
