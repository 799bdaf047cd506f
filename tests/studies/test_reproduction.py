import json
import signal

import pytest

from priorkit.errors import ConfigurationError, NonFiniteLossError, RunFolderError
from priorkit.runs import RunFolder, prepare
from priorkit.studies import StudyObserver, plan_runs, reproduce
from priorkit.training import Observer


class Told(StudyObserver):
    def __init__(self, *observers):
        self.heard = []
        self.told = observers

    def kept(self, run, number):
        self.heard.append(f"kept {run.path.name}")

    def training(self, run, number, training):
        self.heard.append(f"{'resumed' if training.resumed else 'new'} {run.path.name} at {training.session.steps}")

    def observers(self, run):
        return list(self.told)

    def diverged(self, run, message):
        self.heard.append(f"diverged {run.path.name}")


class Stop(Observer):
    """Ctrl-C after a step."""

    def __init__(self, step):
        self.step = step

    def stepped(self, session):
        if session.steps == self.step:
            signal.raise_signal(signal.SIGINT)


class Diverge(Observer):
    def stepped(self, session):
        raise NonFiniteLossError("the loss is no number")


def weights(path):
    return RunFolder.open(path).checkpoints.load_weights("last")


def test_all_systems_and_seeds_are_trained_alike(make_request, registry):
    request, told = make_request(seeds=2), Told()
    done = reproduce(request, told, registry=registry)
    assert done.stopped is None
    assert told.heard == ["new aae-seed0 at 0", "new ab-seed0 at 0", "new aae-seed1 at 0", "new ab-seed1 at 0"]
    assert {run.images for row in done.results.rows for run in row.runs} == {18}
    table = json.loads((request.out / "table.json").read_text())
    first, second = table["systems"]
    assert (first["paper"]["score"], second["paper"]["remark"]) == (2.15, "more")
    assert [len(system["runs"]) for system in table["systems"]] == [2, 2]
    values = [run["held_out"]["sample_distance"] for run in first["runs"]]
    spread = first["scores"]["held-out sample distance"]
    assert spread["mean"] == pytest.approx(sum(values) / 2)
    assert spread["deviation"] == pytest.approx(abs(values[0] - values[1]) / 2**0.5)
    assert (request.out / "samples.png").stat().st_size > 0
    assert "| AAE | 2.15 |" in (request.out / "table.md").read_text()
    page = (request.out / "table.html").read_text()
    assert 'href="aae-seed1/report.html"' in page
    assert page.count("<img") == 1 + page.count("-classes.png")
    assert '"names":["AAE",' in page


def test_a_run_of_a_study_is_the_run_that_train_makes(make_request, registry, tmp_path):
    request = make_request()
    reproduce(request, registry=registry)
    run = plan_runs(request, registry)[1]
    prepare(run.config, tmp_path / "alone", registry=registry).run()
    first, second = weights(run.path), weights(tmp_path / "alone")
    assert all(first[key].equal(second[key]) for key in second)


def test_an_interrupted_study_goes_on_as_if_it_had_not_been(make_request, registry, tmp_path):
    whole = make_request(out=tmp_path / "whole")
    reproduce(whole, registry=registry)
    request, told = make_request(), Told(Stop(2))
    done = reproduce(request, told, registry=registry)
    assert done.stopped == "interrupted"
    assert done.results.rows[0].progress == "1 stopped"
    assert done.results.rows[0].scores == {}
    told = Told()
    assert reproduce(request, told, registry=registry).stopped is None
    assert told.heard == ["resumed aae-seed0 at 2", "new ab-seed0 at 0"]
    for name in ("aae-seed0", "ab-seed0"):
        first, second = weights(whole.out / name), weights(request.out / name)
        assert all(first[key].equal(second[key]) for key in second)


def test_what_is_complete_is_kept_and_more_seeds_are_added(make_request, registry):
    request = make_request()
    reproduce(request, registry=registry)
    before = (request.out / "ab-seed0/metrics.jsonl").read_bytes()
    told = Told()
    done = reproduce(make_request(seeds=2, systems=("ab",)), told, registry=registry)
    assert told.heard == ["kept ab-seed0", "new ab-seed1 at 0"]
    assert (request.out / "ab-seed0/metrics.jsonl").read_bytes() == before
    assert [len(row.runs) for row in done.results.rows] == [1, 2]


def test_a_run_that_diverges_is_given_up_and_the_study_goes_on(make_request, registry):
    request, told = make_request(systems=("aae",), seeds=2), Told(Diverge())
    done = reproduce(request, told, registry=registry)
    assert told.heard == ["new aae-seed0 at 0", "diverged aae-seed0", "new aae-seed1 at 0", "diverged aae-seed1"]
    assert done.results.rows[0].progress == "2 diverged"
    told = Told()
    reproduce(request, told, registry=registry)
    assert told.heard == []


def test_a_run_that_was_trained_otherwise_is_refused(make_request, registry):
    request = make_request()
    reproduce(request, registry=registry)
    config = request.out / "ab-seed0/config.toml"
    config.write_text(config.read_text().replace("learning_rate = 0.0004", "learning_rate = 0.0005"))
    with pytest.raises(RunFolderError, match=r"ab-seed0' was trained with --learning-rate 0.0005, .* 0.0004 now"):
        reproduce(request, registry=registry)


def test_a_run_without_a_checkpoint_is_left_to_the_user(make_request, registry):
    request = make_request()
    reproduce(request, registry=registry)
    (request.out / "ab-seed0/checkpoints/last.json").unlink()
    with pytest.raises(RunFolderError, match="ab-seed0' was stopped before its first checkpoint: remove that folder"):
        reproduce(request, registry=registry)


def test_several_processes_are_refused(make_request, registry, monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(ConfigurationError, match="start it without torchrun"):
        reproduce(make_request(), registry=registry)
