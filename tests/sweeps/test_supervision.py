"""How trials are handed out, ended early, cut short and gone on with; what trains takes a moment."""

import json
import os
import signal

import pytest

from priorkit.errors import ConfigurationError, RunFolderError
from priorkit.sweeps import StudyDatabaseError, carry_out_sweep, supervision
from priorkit.sweeps.storage import open_study

pytestmark = pytest.mark.usefixtures("quick_trials")


def calls(sweep, number):
    """How often the run of a trial was trained."""
    (trial,) = [trial for trial in sweep.trials if trial.number == number]
    return (trial.run / "calls").read_text().count("called")


def test_as_many_trials_as_were_asked_for_and_no_more(make_request, told):
    found = carry_out_sweep(make_request(jobs=2, pruner="none"), told)
    assert [trial.state for trial in found.trials] == ["complete"] * 4
    assert found.best.figures["sample_distance"] == min(trial.values[0] for trial in found.trials)
    assert sorted(told.of("completed")) == [0, 1, 2, 3]
    # The same again has nothing to do; with more trials it goes on.
    again = carry_out_sweep(make_request(jobs=2, pruner="none"))
    assert again.trials == found.trials
    more = carry_out_sweep(make_request(trials=5, pruner="none"))
    assert more.trials[:4] == found.trials
    assert len(more.trials) == 5


def test_the_same_seed_draws_the_same(make_request, tmp_path):
    rates = [
        [trial.params for trial in carry_out_sweep(make_request(trials=3, out=tmp_path / name, seed=seed)).trials]
        for name, seed in (("a", 1), ("b", 1), ("c", 2))
    ]
    assert rates[0] == rates[1] != rates[2]


@pytest.mark.whole
def test_a_killed_process_is_gone_on_with_in_the_same_folder(make_request, told, monkeypatch):
    monkeypatch.setenv("TRIAL_SECONDS", "0.3")
    killed = []

    def kill(event, number):
        if event == "reviewed" and number == 1 and not killed:
            killed.append(number)
            os.kill(told.pool.process_of(1), signal.SIGKILL)

    original = supervision.JobPool

    def pool(environments):
        told.pool = original(environments)
        return told.pool

    monkeypatch.setattr(supervision, "JobPool", pool)
    told.then = kill
    found = carry_out_sweep(make_request(trials=3, jobs=2, pruner="none"), told)
    assert told.of("cut short") == [1]
    assert [trial.state for trial in found.trials] == ["complete"] * 3
    # Another trial has the same values, and its run is the one that was cut short.
    (again,) = told.of("again")
    (trial,) = [trial for trial in found.trials if trial.number == again]
    assert trial.run.name == "trial-0001"
    assert calls(found, again) == 2


def test_a_process_that_is_killed_again_and_again_is_given_up(make_request, told, monkeypatch):
    from priorkit.jobs.pool import JobPool

    monkeypatch.setenv("TRIAL_SECONDS", "0.5")
    pools = []
    monkeypatch.setattr(supervision, "JobPool", lambda environments: pools.append(JobPool(environments)) or pools[-1])
    told.then = lambda event, number: (
        os.kill(pools[-1].process_of(number), signal.SIGKILL) if event == "reviewed" else None
    )
    found = carry_out_sweep(make_request(trials=1, pruner="none"), told)
    (trial,) = found.trials
    assert trial.state == "failed"
    assert trial.reason == "its process was killed by SIGKILL, 3 times"


@pytest.mark.whole
def test_ctrl_c_saves_and_the_same_command_goes_on(make_request, told, monkeypatch):
    monkeypatch.setenv("TRIAL_SECONDS", "0.3")
    told.then = lambda event, number: os.kill(os.getpid(), signal.SIGINT) if event == "reviewed" else None
    found = carry_out_sweep(make_request(trials=2), told)
    assert found.stopped == "interrupted"
    assert {trial.state for trial in found.trials} == {"waiting"}
    told.then = lambda event, number: None
    again = carry_out_sweep(make_request(trials=2), told)
    assert again.stopped is None
    assert [trial.state for trial in again.trials] == ["complete"] * 2
    assert calls(again, told.of("again")[0]) == 2


@pytest.mark.whole
def test_trials_that_do_worse_are_ended_early(make_request, told, monkeypatch):
    monkeypatch.setenv("TRIAL_STEPS", "40")
    monkeypatch.setenv("TRIAL_SECONDS", "0.02")
    found = carry_out_sweep(make_request(trials=8), told)
    pruned = [trial for trial in found.trials if trial.state == "pruned"]
    complete = [trial for trial in found.trials if trial.state == "complete"]
    assert len(pruned) + len(complete) == 8
    assert pruned
    # Only such as were worse than the median of those before.
    assert min(trial.figures["sample_distance"] for trial in pruned) > found.best.values[0]
    assert all(trial.figures["steps"] < 40 for trial in pruned)


def test_several_objectives_give_trade_offs(make_request):
    found = carry_out_sweep(make_request(objective="sample_distance,seconds", trials=3))
    assert len(found.front) == 3
    assert [trial.state for trial in found.trials] == ["complete"] * 3


def test_a_figure_that_runs_have_not_fails_the_trials(make_request):
    with pytest.raises(ConfigurationError, match=r"the first 3 trials failed, .* has no reconstruction_error"):
        carry_out_sweep(make_request(objective="reconstruction_error"))


@pytest.mark.parametrize("distance", ["nan", "inf", "-inf"])
@pytest.mark.parametrize("objective", ["sample_distance", "seconds,sample_distance"])
def test_a_figure_that_is_not_finite_fails_the_trial_for_good(make_request, told, monkeypatch, distance, objective):
    monkeypatch.setenv("TRIAL_DISTANCE", distance)
    found = carry_out_sweep(make_request(objective=objective, jobs=2, pruner="none"), told)
    assert [(trial.state, trial.reason) for trial in found.trials] == [
        ("failed", "its sample_distance is not a finite number")
    ] * 4
    assert sorted(told.of("failed")) == [0, 1, 2, 3]
    assert told.of("again") == []
    # What is left behind can be read by whoever reads JSON.
    kept = json.loads((found.folder / "sweep.json").read_text(), parse_constant=pytest.fail)
    assert kept["trials"][0]["figures"]["sample_distance"] is None
    assert "not a finite number" in (found.folder / "sweep.html").read_text()


def test_a_study_of_something_else_is_refused(make_request):
    make_request().out.mkdir()
    open_study(make_request())
    for other, message in (
        (make_request("learning_rate=1e-4..1e-3"), "started with learning_rate="),
        (make_request(objective="seconds"), "started with sample_distance@min, but this command has seconds@min"),
        (make_request(settings={"steps": 7}), "started with steps None, but this command has 7"),
    ):
        with pytest.raises(RunFolderError, match=message) as refused:
            carry_out_sweep(other)
        assert "\n" not in str(refused.value)
    # Where and how fast may differ.
    open_study(make_request(settings={"workers": 0}, trials=50))


def test_a_database_that_has_gone_is_one_line(make_request, told, monkeypatch):
    monkeypatch.setenv("TRIAL_SECONDS", "0.2")
    request = make_request(trials=2, pruner="none")

    def remove(event, number):
        if event == "reviewed":
            (request.out / "study.db").write_bytes(b"no database" * 500)

    told.then = remove
    with pytest.raises(StudyDatabaseError, match=r"cannot use the study's database .* what was trained stays") as lost:
        carry_out_sweep(request, told)
    assert "\n" not in str(lost.value)
    assert (request.out / "trial-0000" / "calls").exists()


def test_databases_that_there_are_not(make_request):
    for study, error, message in (
        ("mysql://someone:secret@host/db", ConfigurationError, "starts with postgresql://"),
        ("postgresql://someone:secret@127.0.0.1:1/db", StudyDatabaseError, "Connection refused"),
    ):
        with pytest.raises(error, match=message) as refused:
            carry_out_sweep(make_request(study=study))
        assert "secret" not in str(refused.value)
        assert "\n" not in str(refused.value)
