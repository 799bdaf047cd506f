import json

import pytest

from priorkit.runs import RunFolder
from priorkit.studies import RunScorer, plan_runs, reproduce, study_evaluations


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
