import math

from hypothesis import given
from hypothesis import strategies as st

from priorkit.watching.growing_curve import GrowingCurve


def curve_of(values: list[float], every: int = 1) -> GrowingCurve:
    curve = GrowingCurve()
    for place, value in enumerate(values):
        curve.add(every * place, 64 * every * place, value)
    return curve


@given(st.lists(st.floats(allow_nan=True), min_size=1, max_size=1500), st.sampled_from([1, 7, 100]))
def test_extremes_and_the_last_point_stay_in_order(values: list[float], every: int) -> None:
    points = curve_of(values, every).points("step")
    finite = [(float(every * place), value) for place, value in enumerate(values) if math.isfinite(value)]
    assert set(points) <= set(finite)
    assert points == sorted(points, key=lambda point: point[0])
    if finite:
        kept = [value for _, value in points]
        assert (min(kept), max(kept)) == (min(v for _, v in finite), max(v for _, v in finite))
        assert points[-1] == finite[-1]


def test_a_long_curve_stays_small_and_equally_dense() -> None:
    points = curve_of([math.sin(place) for place in range(50_000)], every=10).points("step")
    assert 400 <= len(points) <= 801
    halves = [sum(step < 250_000 for step, _ in points), sum(step >= 250_000 for step, _ in points)]
    assert 0.8 < halves[0] / halves[1] < 1.25


def test_a_short_one_is_kept_whole_against_steps_and_images() -> None:
    curve = curve_of([3.0, 1.0, 2.0], every=10)
    assert curve.points("step") == [(0, 3.0), (10, 1.0), (20, 2.0)]
    assert curve.points("images") == [(0, 3.0), (640, 1.0), (1280, 2.0)]
