import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from priorkit.config import RunConfig
from priorkit.errors import ConfigurationError
from priorkit.registry import Registry
from priorkit.runs import prepare, prepare_resumed

EXTRACTOR = {"name": "classifier", "steps": 2, "epochs": 1, "width": 2}
CHANGES: dict[str, Any] = {"evaluate_every": 2, "evaluate_samples": 8, "extractor": EXTRACTOR}


@pytest.fixture(autouse=True)
def _cache(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    monkeypatch.setenv("PRIORKIT_CACHE", str(tmp_path_factory.mktemp("cache")))


def scores(rows: list[dict[str, float]]) -> dict[float, dict[str, float]]:
    found = {row["step"]: {key: value for key, value in row.items() if key.startswith("score/")} for row in rows}
    return {step: values for step, values in found.items() if values}


@pytest.fixture(scope="module")
def scored_path(
    registry: Registry,
    run_config: Callable[..., RunConfig],
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PRIORKIT_CACHE", str(tmp_path_factory.mktemp("cache")))
        path = tmp_path_factory.mktemp("runs") / "scored"
        prepare(run_config(**CHANGES), path, registry=registry).run()
    return path


def test_scores_are_recorded_on_the_way(scored_path: Path, measurements: Callable[..., Any]) -> None:
    rows = [row for row in measurements(scored_path) if any(key.startswith("score/") for key in row)]
    assert [row["step"] for row in rows] == [2, 4, 6]
    for row in rows:
        assert {"score/classifier_frechet_distance", "score/reconstruction_error"} <= row.keys()


def test_scoring_changes_nothing_in_the_training(
    scored_path: Path, trained_path: Path, saved: Callable[..., dict[str, Any]]
) -> None:
    mine, plain = saved(scored_path), saved(trained_path)
    # Which checkpoint is best is for the scores to say.
    about = ("/config/evaluate", "/config/extractor", "/best/")
    assert mine["/best/features"] == 1.0
    assert {key: str(value) for key, value in mine.items() if not key.startswith(about)} == {
        key: str(value) for key, value in plain.items() if not key.startswith(about)
    }


def test_a_resumed_run_has_the_same_scores(
    registry: Registry,
    run_config: Callable[..., RunConfig],
    scored_path: Path,
    tmp_path: Path,
    measurements: Callable[..., Any],
) -> None:
    prepare(run_config(**CHANGES, steps=3), tmp_path / "run", registry=registry).run()
    prepare_resumed(tmp_path / "run", {"steps": 6}, registry=registry).run()
    rows, expected = (
        [row for row in measurements(path) if "score/psnr" in row] for path in (tmp_path / "run", scored_path)
    )
    assert rows == expected


def test_scoring_may_begin_when_a_run_goes_on(
    registry: Registry, trained_path: Path, tmp_path: Path, measurements: Callable[..., Any]
) -> None:
    path = shutil.copytree(trained_path, tmp_path / "run")
    changes = {"steps": 8, **CHANGES, "extractor": {key: value for key, value in EXTRACTOR.items() if key != "name"}}
    resumed = prepare_resumed(path, changes, registry=registry)
    assert resumed.config.extractor.options["width"] == 2
    assert resumed.config.extractor.options["seed"] == 0
    resumed.run()
    assert [row["step"] for row in measurements(path) if "score/psnr" in row] == [8]


def test_a_missing_file_ends_the_run_at_once(
    registry: Registry, run_config: Callable[..., RunConfig], tmp_path: Path
) -> None:
    config = run_config(**{**CHANGES, "extractor": {"name": "torchscript", "file": "none.pt"}})
    with pytest.raises(ConfigurationError, match="there is no such file"):
        prepare(config, tmp_path / "run", registry=registry).run()
