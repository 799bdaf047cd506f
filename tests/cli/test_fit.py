"""`priorkit fit`."""

import json
from pathlib import Path

import pytest


@pytest.fixture
def vae(run_of, tiny):
    return run_of("vae", "vae", *tiny, "--steps", 2)


FAST = ("--prior.hidden", 8, "--batch-size", 8, "--device", "cpu")


def test_fits_samples_evaluates_and_resumes(cli, vae):
    done = cli("fit", vae, *FAST, "--steps", 2, "--log-every", 1, "--out", "fitted")
    assert (done.status, done.err) == (0, "")
    assert "loss/code_fitting/codes" in Path("fitted/metrics.jsonl").read_text(encoding="utf-8")
    assert "the prior learns the codes of" in done.out
    assert "regularizer" not in done.out
    assert cli("train", "--resume", "fitted", "--steps", 4, "--quiet").status == 0
    assert cli("sample", "fitted", "-n", 4, "--out", "samples.png", "--quiet").status == 0
    scored = cli("evaluate", "fitted", "--scores", "code-discrepancy", "--device", "cpu", "--json")
    assert "code-discrepancy" in scored.out
    assert cli("compare", vae, "fitted", "--quiet").status == 0


def test_the_help_has_a_fits_own_options_and_defaults(cli, vae):
    told = " ".join(cli("fit", vae, "--help").out.split())
    assert "--prior.hidden" in told
    assert "learning rate of every network not named below [float > 0; default 0.001]" in told
    assert "stop after this many steps (1500 if no limit is given) [int >= 1 or none; default 2000]" in told
    for hidden in ("--networks ", "--encoder ", "--loss ", "--critic-steps", "--fitted-to", "--resume"):
        assert hidden not in told


def test_other_trainings_show_no_flag_of_it(cli):
    assert "--fitted-to" not in cli("train", "--help").out


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["fit"], "the run to whose codes the prior is fitted is missing"),
        (["fit", "nowhere"], "no run 'nowhere'"),
        (["fit", "vae", "--prior", "gaussian"], "--prior gaussian: it has nothing to learn"),
        (["fit", "vae", "--networks", "mlp"], "--networks: a fit leaves the autoencoder of 'vae' as it is"),
        (["fit", "vae", "--networks.hidden", "3"], "--networks: a fit leaves the autoencoder of 'vae' as it is"),
        (["fit", "vae", "--resume", "vae"], "--resume keeps a run's configuration"),
        (["fit", "vae", "--checkpoint", "worst"], "no checkpoint 'worst'"),
        (["fit", "vae", "--out", "vae"], "'vae' already exists"),
        (["train", "--fitted-to", "vae"], "use priorkit fit"),
    ],
)
def test_mistakes_are_one_line(arguments, told, cli, vae):
    failed = cli(*arguments)
    assert failed.status == 2
    assert told in failed.err
    assert failed.err.count("\n") == 1


def test_json_tells_what_is_done(cli, vae):
    events = [json.loads(line) for line in cli("fit", vae, *FAST, "--steps", 2, "--json").out.splitlines()]
    assert events[-1]["event"] == "end"
    assert Path(events[-1]["run"]).name.startswith("flow-matching-digits")
