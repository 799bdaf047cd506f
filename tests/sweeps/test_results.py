import csv
import json
import math
import re
from html.parser import HTMLParser

import pytest

from priorkit.sweeps import Sweep, SweptTrial, parse_objectives, write_sweep_report, write_tables
from priorkit.sweeps.report import _bars


@pytest.fixture
def make_sweep(tmp_path):
    """Makes a sweep of trials given as (distance, seconds)."""

    def make(*pairs, objective="sample_distance,seconds", **more):
        objectives = parse_objectives(objective)
        trials = []
        for number, (distance, seconds) in enumerate(pairs):
            figures = {"sample_distance": distance, "seconds": seconds}
            values = tuple(figures[item.name] for item in objectives)
            params = {"learning_rate": f"{10.0**-number:.6g}", "prior": f"<b>{number % 2}</b>"}
            run = tmp_path / f"trial-{number:04d}"
            trials.append(SweptTrial(number, "complete", params, values, figures, run))
        return Sweep(tmp_path, objectives, tuple(trials), **more)

    return make


def test_the_front_is_what_no_other_beats(make_sweep):
    sweep = make_sweep((1.0, 9.0), (2.0, 5.0), (3.0, 6.0), (4.0, 1.0), (1.0, 9.0))
    assert {trial.number for trial in sweep.front} == {0, 1, 3, 4}
    assert sweep.best.number == 0
    assert [trial.number for trial in make_sweep((1, 2), (3, 1), objective="sample_distance").front] == [0]


def test_more_is_better_where_the_objective_says_so(make_sweep):
    assert make_sweep((1, 2), (3, 1), objective="sample_distance@max").best.number == 1


def test_a_sweep_without_complete_trials(tmp_path):
    trials = (SweptTrial(0, "failed", {}, (), {}, tmp_path / "x", reason="no <memory>"),)
    sweep = Sweep(tmp_path, parse_objectives("seconds"), trials)
    assert sweep.best is None
    assert sweep.front == []
    write_tables(sweep)
    assert "no &lt;memory&gt;" in write_sweep_report(sweep).read_text()


def test_tables(make_sweep):
    sweep = make_sweep((1.0, 9.0), (2.0, 5.0))
    write_tables(sweep)
    with (sweep.folder / "sweep.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [(row["number"], row["learning_rate"], row["sample_distance"]) for row in rows] == [
        ("0", "1", "1.0"),
        ("1", "0.1", "2.0"),
    ]
    kept = json.loads((sweep.folder / "sweep.json").read_text())
    assert (kept["best"], kept["front"]) == (0, [0, 1])
    assert sweep.to_dicts()[1]["seconds"] == 5.0


def test_figures_that_are_not_finite_have_no_place(tmp_path):
    trials = []
    for number, (distance, seconds) in enumerate(((1.0, 2.0), (math.nan, 3.0), (math.inf, 4.0), (2.0, math.nan))):
        figures = {"sample_distance": distance, "seconds": seconds, "elbo": -math.inf}
        state = "complete" if number == 0 else "pruned"
        values = (distance,) if number == 0 else ()
        params = {"learning_rate": "nan" if number == 3 else f"{number + 1}"}
        trials.append(SweptTrial(number, state, params, values, figures, tmp_path / "run"))
    sweep = Sweep(tmp_path, parse_objectives("sample_distance"), tuple(trials))
    text = write_sweep_report(sweep).read_text()
    # Where the trade-off has one place, history has two, and the options one: the other lies at no number.
    assert [len(chart["notes"]) for chart in _charts(text)] == [1, 2, 1]
    write_tables(sweep)
    kept = json.loads((tmp_path / "sweep.json").read_text(), parse_constant=pytest.fail)
    assert [trial["figures"]["sample_distance"] for trial in kept["trials"]] == [1.0, None, None, 2.0]
    assert {trial["figures"]["elbo"] for trial in kept["trials"]} == {None}


def _charts(page):
    found = re.findall(r'<script type="application/json" id="[^"]*">(.*?)</script>', page)
    return [json.loads(text, parse_constant=pytest.fail) for text in found]


def test_charts_name_the_best_trials(make_sweep):
    sweep = make_sweep((1.0, 9.0), (2.0, 5.0), (3.0, 6.0), (0.5, 20.0))
    trade_off, history, *options = _charts(write_sweep_report(sweep).read_text())

    def best(chart):
        marked = zip(chart["notes"], chart["data"][-1], strict=True)
        return [note.splitlines()[0] for note, height in marked if height is not None]

    assert (trade_off["names"][-1], best(trade_off)) == (
        "no other is better in both",
        ["trial 1", "trial 0", "trial 3"],
    )
    assert (history["names"][-1], best(history)) == ("best so far", ["trial 0", "trial 3"])
    assert [(chart["names"][-1], best(chart)) for chart in options] == [("best", ["trial 3"])] * 2
    assert [(chart["log_across"], chart["places"]) for chart in options] == [
        (True, []),
        (False, ["<b>0</b>", "<b>1</b>"]),
    ]


class _Tags(HTMLParser):
    def __init__(self):
        super().__init__()
        self.open, self.seen = [], []

    def handle_starttag(self, tag, attributes):
        self.seen.append((tag, dict(attributes)))
        if tag != "meta":
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.seen.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_the_page_stands_alone_and_shows_every_trial(make_sweep):
    importance = {"sample_distance": {"learning_rate": 0.75, "<i>": 0.25}}
    sweep = make_sweep((1.0, 9.0), (2.0, 5.0), (0.5, 20.0), importance=importance)
    text = write_sweep_report(sweep).read_text()
    tags = _Tags()
    tags.feed(text)
    assert tags.open == []
    assert [item for tag, item in tags.seen if tag in ("link", "img", "b") or "src" in item] == []
    # Trade-off, history, and each of two options.
    assert [len(chart["notes"]) for chart in _charts(text)] == [3] * 4
    links = {item["href"] for tag, item in tags.seen if tag == "a"}
    assert {link for link in links if "://" not in link} == {f"trial-{number:04d}/report.html" for number in range(3)}
    assert ("tr", {"class": "marked"}) in tags.seen
    assert "&lt;b&gt;0&lt;/b&gt;" in text
    assert "75%" in text


def test_bars_have_the_length_of_their_share():
    assert "width:40.0%" in _bars([("x", 0.4)])
    assert math.isclose(float(re.findall(r"width:([\d.]+)%", _bars([("x", 1.7)]))[0]), 100)
