import json
from pathlib import Path

import pytest

FLAGS = ("--steps", 3, "--sample-every", 2)


@pytest.mark.whole
def test_a_sweep_from_start_to_end(cli, tiny):
    # Real runs, in two processes.
    search = ("--search", "learning_rate=1e-4..1e-2,prior=gaussian,learned", "--search", "prior.noise-dim=2,4")
    sweep = ("sweep", "learned", *tiny, *FLAGS, *search, "--trials", 3, "--out", "s")
    result = cli(*sweep, "--jobs", 2, "--objective", "sample_distance,seconds", "--json")
    assert (result.status, result.err) == (0, "")
    events = [json.loads(line) for line in result.out.splitlines()]
    assert [event["event"] for event in events].count("complete") == 3
    assert "review" in {event["event"] for event in events}
    end = events[-1]
    assert [trial["state"] for trial in end["trials"]] == ["complete"] * 3
    for trial in end["trials"]:
        assert {"sample_distance", "reconstruction_error", "seconds", "parameters"} <= trial["figures"].keys()
        assert ("prior.noise_dim" in trial["params"]) is (trial["params"]["prior"] == "learned")
        # Each is a run like any other.
        assert f'name = "{trial["params"]["prior"]}"' in Path(trial["run"], "config.toml").read_text()
        assert Path(trial["run"], "report.html").is_file()
    for name in ("sweep.html", "sweep.json", "sweep.csv", "study.db"):
        assert Path("s", name).stat().st_size > 0
    # The same command finds everything done.
    again = cli(*sweep, "--objective", "sample_distance,seconds")
    assert (again.status, again.err) == (0, "")
    assert "3 of them done before" in again.out
    assert "the best trials" in again.out or "trade-offs" in again.out
    other = cli(*sweep)
    assert other.status == 2
    assert "its trials could not be compared" in other.err or "objective" in other.err
    assert other.err.count("\n") == 1


@pytest.mark.whole
def test_runs_of_another_sweep_are_not_taken_for_its_own(cli, tiny):
    sweep = ("sweep", "learned", *tiny, *FLAGS, "--trials", 1, "--out", "s", "--jobs", 1)
    assert cli(*sweep, "--search", "learning_rate=1e-4..1e-3").status == 0
    kept = {file: file.read_bytes() for file in Path("s", "trial-0000").rglob("*") if file.is_file()}
    # Nobody knows of the runs in the folder any more; this sweep draws other settings.
    Path("s", "study.db").unlink()
    other = cli(*sweep, "--search", "critic_steps=2,3")
    assert other.status == 2
    assert "'s/trial-0000' belongs to another sweep" in other.err
    assert "name another folder with --out" in other.err
    assert other.err.count("\n") == 1
    assert {file: file.read_bytes() for file in Path("s", "trial-0000").rglob("*") if file.is_file()} == kept
    # It is refused the next time, too; the study goes on once the run is out of its way.
    assert "belongs to another sweep" in cli(*sweep, "--search", "critic_steps=2,3").err
    Path("s", "trial-0000").rename("old")
    found = cli(*sweep, "--search", "critic_steps=2,3", "--json")
    assert (found.status, found.err) == (0, "")
    assert json.loads(found.out.splitlines()[-1])["trials"][0]["state"] == "complete"
    # Of the same sweep, it is found again without the study, too.
    Path("s", "study.db").unlink()
    assert cli(*sweep, "--search", "critic_steps=2,3").status == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "a sweep needs something to vary"),
        (("--search", "learning_rat=1..2"), "a run has no option --learning-rat; did you mean 'learning_rate'"),
        (("--search", "networks.hidden=0,4", "--networks", "mlp"), "--search networks.hidden=0: --networks.hidden"),
        (("--search", "code_dim=2,4", "--code-dim", "8"), "--code-dim is both searched and given"),
        (("--search", "code_dim=2,4", "--objective", "beauty"), "a run has no such figure"),
        (("--search", "code_dim=2,4", "--trials", "0"), "expected a whole number of at least 1"),
        (("--search", "code_dim=2,4", "--pruner", "axe"), "--pruner"),
        (("--search", "code_dim=2,4", "--stepz", "3"), "unknown option --stepz; did you mean '--steps'"),
        (("lerned", "--search", "code_dim=2,4"), "lerned"),
        (("--search",), "--search needs a value"),
    ],
    ids=" ".join,
)
def test_mistakes_are_one_line_before_anything_starts(cli, tmp_path, arguments, message):
    result = cli("sweep", *arguments)
    assert result.status == 2
    assert message in result.err
    assert result.err.count("\n") == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("raised", [True, False], ids=["Ctrl-C", "ended"])
@pytest.mark.parametrize("tied", [True, False])
def test_the_command_that_goes_on_has_no_password(cli, monkeypatch, raised, tied):
    from priorkit import sweeps
    from priorkit.sweeps import Sweep, parse_objectives

    def interrupted(request, observer):
        assert request.study == url
        if raised:
            raise KeyboardInterrupt
        return Sweep(request.out, parse_objectives("seconds"), (), stopped="interrupted")

    monkeypatch.setattr(sweeps, "carry_out_sweep", interrupted)
    url = "postgresql://ann:sec/ret@host:5433/db?sslmode=require&password=hidden"
    result = cli("sweep", "--search", "code_dim=2,4", *([f"--study={url}"] if tied else ["--study", url]))
    assert result.status == 130
    shown = result.out + result.err
    assert not any(word in shown for word in ("sec/ret", "hidden"))
    assert f"--study{'=' if tied else ' '}postgresql://ann@host:5433/db (add the password to --study" in shown


def test_the_extra_is_named_where_it_is_missing(cli, monkeypatch, tmp_path):
    monkeypatch.setitem(__import__("sys").modules, "optuna", None)
    result = cli("sweep", "--search", "code_dim=2,4")
    assert result.status == 2
    assert "pip install 'priorkit[sweep]'" in result.err
    assert result.err.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_help_has_the_flags_of_train_and_its_own(cli):
    text = cli("sweep", "vae", "--help").out
    for flag in ("--search", "--objective", "--jobs", "--study", "--learning-rate", "--networks.width"):
        assert f"{flag} " in text
    assert "--resume" not in text
