import json
from pathlib import Path

import pytest

from priorkit.errors import ConfigurationError, UnknownComponentError
from priorkit.evaluation import EvaluationSettings
from priorkit.registry import Registry
from priorkit.runs import RunFolder, evaluate_run, load_run, read_evaluations

SETTINGS = EvaluationSettings(samples=20, scores=("samples", "psnr"))
EXTRACTOR = {"name": "classifier", "steps": 2, "epochs": 1, "width": 2}


@pytest.fixture(autouse=True)
def _cache(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    monkeypatch.setenv("PRIORKIT_CACHE", str(tmp_path_factory.mktemp("cache")))


def test_says_what_scores_were_computed_with(trained_path: Path, registry: Registry, tmp_path: Path) -> None:
    run = load_run(trained_path, device="cpu", registry=registry)
    evaluation = evaluate_run(run, SETTINGS, extractor=EXTRACTOR, registry=registry)
    assert [score.name for score in evaluation.scores][-1] == "psnr"
    data = evaluation.as_data()
    assert json.loads(json.dumps(data)) == data
    assert data["checkpoint"] == run.checkpoint == "step-00000006"
    assert data["settings"]["samples"] == 20
    assert data["extractor"]["steps"] == 2
    assert data["extractor"]["architecture"] == "auto", "defaults are filled in"
    described = data["scores"][0]["extractor"]
    assert described["name"] == "classifier"
    assert described["accuracy"] <= 1
    for _ in range(2):
        evaluation.save(tmp_path / "scores.json")
    assert read_evaluations(tmp_path / "scores.json") == [data, data]
    assert not (trained_path / "scores.json").exists()


def test_the_runs_own_extractor_is_the_default(trained_path: Path, registry: Registry) -> None:
    run = load_run(trained_path, device="cpu", registry=registry)
    settings = EvaluationSettings(samples=20, scores=("psnr",))
    assert evaluate_run(run, settings, registry=registry).about["extractor"]["name"] == "classifier"
    chosen = evaluate_run(run, settings, extractor="inception", registry=registry)
    assert chosen.about["extractor"] == {"name": "inception", "weights": None}


def test_mistakes_are_found_before_the_work(trained_path: Path, registry: Registry) -> None:
    run = load_run(trained_path, device="cpu", registry=registry)
    with pytest.raises(UnknownComponentError, match="unknown feature extractor 'clasifier'; did you mean 'classifier'"):
        evaluate_run(run, SETTINGS, extractor="clasifier", registry=registry)
    with pytest.raises(ConfigurationError, match="no option 'stepz'; did you mean 'steps'"):
        evaluate_run(run, SETTINGS, extractor={**EXTRACTOR, "stepz": 1}, registry=registry)
    with pytest.raises(ConfigurationError, match="unknown score 'x'"):
        evaluate_run(run, EvaluationSettings(scores=("x",)), registry=registry)


def test_a_run_that_knows_of_no_extractor(run_path: Path, registry: Registry) -> None:
    # As runs were made before there were any.
    folder = RunFolder.open(run_path)
    environment = folder.read_environment()
    del environment["components"]["extractor"]
    folder.environment.write_text(json.dumps(environment))
    lines = folder.config.read_text().split("\n\n")
    kept = [part for part in lines if not part.startswith("[extractor]")]
    text = "\n".join(line for line in "\n\n".join(kept).splitlines() if not line.startswith("evaluate_"))
    folder.config.write_text(text + "\n")
    run = load_run(run_path, device="cpu", registry=registry)
    assert "extractor" not in text
    assert run.config.extractor.name == "classifier"
    evaluation = evaluate_run(run, SETTINGS, extractor=EXTRACTOR, registry=registry)
    assert evaluation.scores[0].value is not None
