import json
import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from priorkit.pages import Panel, curve_sections, panels_of


def rows(**series: list[float]) -> list[dict[str, float]]:
    length = max(map(len, series.values()))
    return [
        {"step": 10 * i, "images": 640 * i, "seconds": 0.1, **{k.replace("__", "/"): v[i] for k, v in series.items()}}
        for i in range(length)
    ]


def test_held_out_scores_come_first_and_a_critics_losses_together() -> None:
    found = panels_of(
        {
            "": rows(
                loss__autoencoder__critic_real=[1.0, 2.0],
                loss__autoencoder__critic_fake=[3.0, 4.0],
                held_out__sample_distance=[0.5, 0.4],
                symptom__idle=[1.0, 1.0],
            )
        }
    )
    assert [(panel.section, panel.title) for panel in found] == [
        ("Held-out images", "Distance of samples from held-out images"),
        ("Losses", "Autoencoder: critic"),
    ]
    assert found[1].curves == {"real": [(0, 1.0), (10, 2.0)], "fake": [(0, 3.0), (10, 4.0)]}


def test_runs_share_panels_and_places_without_a_value_are_gaps() -> None:
    panels = panels_of({"one": rows(loss__x=[1.0, 2.0]), "two": rows(loss__x=[3.0])}, across="images")
    [panel] = panels
    assert panel.as_data() == {
        "across": "images seen",
        "log": False,
        "names": ["one", "two"],
        "data": [[0, 640], [1.0, 2.0], [3.0, None]],
        "colours": [0, 1],
        "dashed": [False, False],
    }


def test_each_of_several_runs_has_a_colour_whatever_it_measures() -> None:
    both = rows(loss__x__critic_real=[1.0], loss__x__critic_fake=[2.0])
    panels = panels_of({"one": rows(loss__y=[1.0]), "two": both, "three": both})
    assert [(panel.as_data()["colours"], panel.as_data()["dashed"]) for panel in panels] == [
        ([0], [False]),
        ([1, 1, 2, 2], [False, True, False, True]),
    ]
    [alone] = panels_of({"": both})
    assert "colours" not in alone.as_data()


@pytest.mark.parametrize(
    ("values", "log"), [([1.0, 40.0], False), ([1.0, 60.0], True), ([0.0, 60.0], False), ([-1.0, 60.0], False)]
)
def test_wide_positive_ranges_get_a_logarithmic_axis(values: list[float], log: bool) -> None:
    [panel] = panels_of({"": rows(loss__x=values)})
    assert panel.log is log


def test_values_that_are_not_finite_are_gaps() -> None:
    [panel] = panels_of({"": rows(loss__x=[1.0, math.nan, math.inf])})
    assert panel.as_data()["data"] == [[0, 10, 20], [1.0, None, None]]
    assert panel.in_words == "1, from 1 to 1"
    [broken] = panels_of({"": rows(loss__x=[math.nan])})
    assert broken.in_words == "no finite values"
    json.dumps(broken.as_data(), allow_nan=False)


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(801, 4000))
def test_long_curves_keep_their_spikes_and_their_end(seed: int, length: int) -> None:
    rng = random.Random(seed)
    values = [rng.gauss(0, 1) ** 3 for _ in range(length)]
    points = [(float(i), value) for i, value in enumerate(values)]
    places, shown = Panel("Losses", "x", "step", {"": points}).as_data()["data"]
    assert len(places) <= 802
    assert places == sorted(places)
    assert places[-1] == len(values) - 1
    assert min(shown) == pytest.approx(min(values), rel=1e-5)
    assert max(shown) == pytest.approx(max(values), rel=1e-5)


def test_panels_are_readable_without_scripts() -> None:
    [text] = curve_sections(panels_of({"": rows(loss__x=[1.0, 3.0])}))
    assert '<p class="values">3, from 1 to 3</p>' in text
