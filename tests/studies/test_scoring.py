import json

import pytest

from priorkit.runs import RunFolder
from priorkit.studies import RunScorer, gather_results, plan_runs, reproduce, study_evaluations


@pytest.fixture(autouse=True)
def _cache(tmp_path, monkeypatch):
    monkeypatch.setenv("PRIORKIT_CACHE", str(tmp_path / "cache"))


def labels(results, row=0):
    return set(results.rows[row].scores)


def test_runs_are_scored_once_by_one_extractor(make_request, registry):
    common = {"extractor.steps": "2", "extractor.epochs": "1", "extractor.width": "2"}
    request = make_request(common, systems=("aae",), samples=8)
    done = reproduce(request, registry=registry)
    assert {"classifier IS", "classifier Fréchet distance"} <= labels(done.results)
    assert "classifier IS" in (request.out / "table.md").read_text()
    assert any(note.startswith("Feature extractor: classifier, weights ") for note in done.results.notes)
    (run,) = plan_runs(request, registry)
    scores = RunFolder.open(run.path).scores
    before = scores.read_bytes()
    assert not RunScorer(request, registry).misses(run)
    reproduce(request, registry=registry)
    assert scores.read_bytes() == before


def test_other_settings_are_other_scores(make_request, registry):
    common = {"extractor.steps": "2", "extractor.epochs": "1", "extractor.width": "2"}
    request = make_request(common, systems=("aae",), samples=8)
    reproduce(request, registry=registry)
    more, plain = (make_request(common, systems=("aae",), samples=samples) for samples in (9, 0))
    (run,) = plan_runs(more, registry)
    assert RunScorer(more, registry).misses(run)
    assert not RunScorer(plain, registry).misses(run)
    assert labels(reproduce(plain, registry=registry).results) == {
        "held-out sample distance",
        "held-out reconstruction error",
    }
    folder = RunFolder.open(run.path)
    assert len(study_evaluations(folder, 8)) == 1
    assert study_evaluations(folder, 9) == []
    # What was scored is another checkpoint than the last.
    kept = json.loads(folder.scores.read_text())
    kept["evaluations"][0]["checkpoint"] = "step-00000001"
    folder.scores.write_text(json.dumps(kept))
    assert RunScorer(request, registry).misses(run)


def test_a_study_says_why_samples_were_not_scored_and_tries_again(make_request, registry):
    common = {"extractor.steps": "2", "extractor.epochs": "1", "extractor.width": "2"}
    request = make_request(common, systems=("aae",), samples=8)
    reproduce(request, registry=registry)
    (run,) = plan_runs(request, registry)
    scores = RunFolder.open(run.path).scores
    kept = json.loads(scores.read_text())
    for score in kept["evaluations"][0]["scores"]:
        score.update(value=None, note="the weights are not to be had")
    scores.write_text(json.dumps(kept))
    assert RunScorer(request, registry).misses(run)
    assert "Not scored: the weights are not to be had." in gather_results(request).notes
    results = reproduce(request, registry=registry).results
    assert "classifier IS" in labels(results)
    assert not any(note.startswith("Not scored") for note in results.notes)
