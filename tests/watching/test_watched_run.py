import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from priorkit.runs.training_lock import training_lock
from priorkit.watching.watched_run import WatchedRun


@pytest.fixture
def run(make_run: Callable[..., Path]) -> WatchedRun:
    return WatchedRun(1, make_run(), "one")


def told(run: WatchedRun) -> dict:
    run.refresh()
    return json.loads(json.dumps(run.as_data(), allow_nan=False))


def test_a_complete_run(run: WatchedRun) -> None:
    found = told(run)
    assert (found["state"], found["fraction"], found["left"], found["error"]) == ("complete", 1.0, None, "")
    assert (found["step"], found["steps"], found["report"]) == (6, 6, True)
    last = json.loads(run.folder.metrics.read_text().splitlines()[-1])
    assert found["held_out"]["sample distance"] == f"{last['held_out/sample_distance']:.4g}"
    details = run.details()
    assert [step for step, _ in details["pictures"]["samples"]] == [3, 6]
    assert "Data set tiny: 20 grey images" in details["sentence"]


def test_a_run_whose_lock_is_held_is_running_with_a_time_that_is_left(run: WatchedRun) -> None:
    lines = run.folder.metrics.read_text().splitlines(keepends=True)
    run.folder.metrics.write_text("".join(line for line in lines if json.loads(line)["step"] <= 3))
    (run.folder.path / "checkpoints" / "last.json").unlink()
    assert told(run)["state"] == "stopped"
    with training_lock(run.folder.path):
        found = told(run)
        assert (found["state"], found["fraction"]) == ("running", 0.5)
        assert found["left"] == "0s"
        run.folder.metrics.write_text("".join(lines))
        assert told(run)["step"] == 6
    assert told(run)["left"] is None


def test_a_run_that_was_given_up(run: WatchedRun) -> None:
    assert told(run)["state"] == "complete"
    (run.folder.path / "diverged.txt").write_text("no number\n")
    assert told(run)["state"] == "diverged"


def test_what_is_as_it_was_is_not_read_again(run: WatchedRun, monkeypatch: pytest.MonkeyPatch) -> None:
    told(run)
    monkeypatch.setattr("priorkit.watching.watched_run.summarise_run", None)
    monkeypatch.setattr("priorkit.watching.watched_run.run_sentence", None)
    assert told(run)["state"] == "complete"
    run.folder.scores.write_text('{"evaluations": []}')
    assert told(run)["state"] == "unreadable"


def test_newly_kept_scores_are_shown(run: WatchedRun) -> None:
    told(run)
    score = {"name": "elbo", "label": "<b>ELBO", "value": 1.23456, "note": ""}
    evaluation = {"checkpoint": "step-00000006", "settings": {}, "scores": [score]}
    run.folder.scores.write_text(json.dumps({"evaluations": [evaluation]}))
    run.refresh()
    assert run.details()["evaluated"] == [{"label": "<b>ELBO", "value": "1.235"}]


@pytest.mark.parametrize("name", ["config.toml", "environment.json", "checkpoints/last.json", "scores.json"])
def test_a_damaged_file_is_told_until_it_is_mended(run: WatchedRun, name: str) -> None:
    file = run.folder.path / name
    whole = file.read_bytes() if file.exists() else b'{"evaluations": []}'
    file.write_bytes(b"\xff{")
    for _ in range(2):
        found = told(run)
        assert found["state"] == "unreadable"
        assert file.name in found["error"]
        assert "\n" not in found["error"]
    file.write_bytes(whole)
    assert (told(run)["state"], told(run)["error"]) == ("complete", "")


def test_a_folder_that_vanishes_is_gone_and_may_come_back(run: WatchedRun, tmp_path: Path) -> None:
    told(run)
    kept = run.folder.path.rename(tmp_path / "elsewhere")
    found = told(run)
    assert (found["state"], found["report"], found["step"]) == ("gone", False, 6)
    assert run.details()["pictures"] == {}
    shutil.copytree(kept, run.folder.path)
    assert told(run)["state"] == "complete"


def test_figures_that_are_no_numbers_are_words(run: WatchedRun) -> None:
    row = {"step": 7, "images": 9, "seconds": 1.0, "held_out/sample_distance": float("nan")}
    with run.folder.metrics.open("a") as file:
        file.write(json.dumps(row) + "\n")
    assert told(run)["held_out"] == {"sample distance": "nan"}
