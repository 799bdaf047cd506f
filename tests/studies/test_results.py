import statistics
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from priorkit.studies import Results, Row, RunSummary, Spread


def summary(seed, state="complete", value=1.0):
    score = {"name": "inception-score", "label": "classifier IS", "value": value, "extractor": {"name": "classifier"}}
    return RunSummary(
        Path(f"aae-seed{seed}"), state, "digits", "gaussian", "adversarial", "pixel", seed, 3, 1800, 60.0,
        {"sample_distance": 2 * value}, [score],
    )  # fmt: skip


@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=6))
def test_a_spread_is_the_mean_and_the_sample_deviation(values):
    spread = Spread.of(values)
    assert spread.mean == pytest.approx(statistics.mean(values), abs=1e-6)
    assert spread.deviation == pytest.approx(statistics.stdev(values), abs=1e-6)
    assert spread.count == len(values)


@pytest.mark.parametrize(
    ("values", "words"), [([2.0], "2"), ([1.0, 2.0], "1.5 ± 0.71"), ([1000.0, 1300.0], "1150 ± 212")]
)
def test_spreads_in_words(values, words):
    assert str(Spread.of(values)) == words


def test_only_complete_runs_count(study):
    row = Row(study.systems[0], (summary(0, value=1.0), summary(1, "diverged", 9.0), summary(2, value=3.0)))
    assert row.scores["classifier IS"] == Spread(2.0, pytest.approx(2**0.5), 2)
    assert row.progress == "2, 1 diverged"
    assert Row(study.systems[0], ()).progress == "0"


def test_the_papers_row_stands_beside_ours(study):
    rows = (Row(study.systems[0], (summary(0), summary(1))), Row(study.systems[1], ()))
    results = Results(study, "digits", "3 steps", rows)
    header, cells = results.cells(results.main_labels)
    assert header[:4] == ["system", "paper: Inception Score", "classifier IS", "held-out sample distance"]
    assert cells[0] == ["AAE", "2.15", "1 ± 0", "2 ± 0", "2", "1,800", "1m 00s"]
    assert cells[1] == ["+ A + B", "more", "", "", "0", "", ""]
    assert "Feature extractor: classifier." in results.notes
    assert "A note." in results.notes
    assert "Inception network on cifar10" in results.notes[0]
