"""Priors fitted to the codes of the same autoencoders."""

import json
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from priorkit.errors import ConfigurationError, NonFiniteLossError, RunFolderError
from priorkit.registry import Registry
from priorkit.runs import RunFolder, load_run, prepare_fit
from priorkit.studies import (
    PRIORS_STUDY,
    ComparedSystem,
    Request,
    Study,
    StudyObserver,
    find_study,
    plan_runs,
    reproduce,
    with_own_priors,
)
from priorkit.training import Observer

MakeRequest = Callable[..., Request]


def fitted(name: str, prior: dict[str, Any]) -> ComparedSystem:
    return ComparedSystem(f"vae-{name}", f"VAE + {name}", settings={"prior": prior}, fitted_to="vae", prior=name)


FITS = Study(
    "fits",
    "two priors on one autoencoder",
    data=(),
    settings={"code_dim": 4},
    systems=(
        ComparedSystem("vae", "VAE", "vae"),
        fitted("matched", {"name": "flow-matching", "hidden": 8, "fits": 1, "times": 1}),
        fitted("full", {"name": "full-gaussian"}),
    ),
    scores=("frechet-distance", "inception-score", "code-log-likelihood"),
    main_scores=("frechet-distance", "code-log-likelihood"),
)


class Stop(Observer):
    """Ctrl-C after a step."""

    def __init__(self, step: int) -> None:
        self.step = step

    def stepped(self, session: Any) -> None:
        if session.steps == self.step:
            signal.raise_signal(signal.SIGINT)


class Diverge(Observer):
    def stepped(self, session: Any) -> None:
        raise NonFiniteLossError("the loss is no number")


class Told(StudyObserver):
    def __init__(self, **observers: Observer) -> None:
        self.heard: list[str] = []
        self.given = observers

    def training(self, run: Any, number: int, training: Any) -> None:
        self.heard.append(f"{'resumed' if training.resumed else 'new'} {run.path.name} at {training.session.steps}")

    def observers(self, run: Any) -> list[Observer]:
        given = self.given.get(run.system.name.replace("-", "_"))
        return [] if given is None else [given]

    def refused(self, run: Any, reason: str) -> None:
        self.heard.append(f"refused {run.path.name}: {reason}")


@pytest.fixture
def request_fits(make_request: MakeRequest) -> MakeRequest:
    return lambda *given, **changes: make_request(*given, **{"study": FITS, "fit_limit": {"steps": 2}, **changes})


def weights(path: Path) -> dict[str, Any]:
    return RunFolder.open(path).checkpoints.load_weights("last")


def test_priors_are_fitted_to_the_run_of_the_same_seed(
    request_fits: MakeRequest, registry: Registry, tmp_path: Path
) -> None:
    request, told = request_fits(seeds=2), Told()
    done = reproduce(request, told, registry=registry)
    assert told.heard == [
        f"new {name}-seed{seed} at 0" for seed in (0, 1) for name in ("vae", "vae-matched", "vae-full")
    ]
    assert [len(row.complete) for row in done.results.rows] == [2, 2, 2]
    base, first = (load_run(request.out / f"{name}-seed1", registry=registry) for name in ("vae", "vae-matched"))
    assert first.config.seed == base.config.seed == 1
    assert first.config.networks == base.config.networks
    assert (first.config.steps, first.config.prior.options["hidden"]) == (2, 8)
    plan = plan_runs(request, registry)[4]
    assert plan.fitted_to is not None
    prepare_fit(plan.fitted_to, plan.fit, tmp_path / "alone", registry=registry).run()
    mine, alone = weights(plan.path), weights(tmp_path / "alone")
    assert all(mine[key].equal(alone[key]) for key in alone)
    table = json.loads((request.out / "table.json").read_text())
    assert [system["fitted_to"] for system in table["systems"]] == [None, "vae", "vae"]


def test_an_interrupted_fit_goes_on(request_fits: MakeRequest, registry: Registry, tmp_path: Path) -> None:
    whole = request_fits(out=tmp_path / "whole")
    reproduce(whole, registry=registry)
    request = request_fits()
    assert reproduce(request, Told(vae_matched=Stop(1)), registry=registry).stopped == "interrupted"
    told = Told()
    assert reproduce(request, told, registry=registry).stopped is None
    assert told.heard == ["resumed vae-matched-seed0 at 1", "new vae-full-seed0 at 0"]
    mine, straight = (weights(each.out / "vae-matched-seed0") for each in (request, whole))
    assert all(mine[key].equal(straight[key]) for key in straight)


def test_what_cannot_be_fitted_is_noted_and_left_out(request_fits: MakeRequest, registry: Registry) -> None:
    study = Study("fits", "two", (), (FITS.systems[0], fitted("normal", {"name": "gaussian"}), FITS.systems[2]))
    told = Told()
    done = reproduce(request_fits(study=study), told, registry=registry)
    assert told.heard[1].startswith("refused vae-normal-seed0: --prior gaussian: it has nothing to learn")
    assert told.heard[2] == "new vae-full-seed0 at 0"
    assert any(note.startswith("Not fitted: vae-normal-seed0: --prior gaussian") for note in done.results.notes)


def test_a_prior_that_refuses_the_codes_themselves_is_left_out_for_good(
    request_fits: MakeRequest, registry: Registry
) -> None:
    many = {"name": "mixture", "em": True, "components": 30, "means": "random"}
    study = Study("fits", "two", (), (FITS.systems[0], fitted("many", many), FITS.systems[2]))
    request, told = request_fits(study=study), Told()
    done = reproduce(request, told, registry=registry)
    assert any("30 components need at least 30 codes" in heard for heard in told.heard)
    assert told.heard[-1] == "new vae-full-seed0 at 0"
    assert [len(row.complete) for row in done.results.rows] == [1, 0, 1]
    again = Told()
    assert reproduce(request, again, registry=registry).stopped is None
    assert again.heard == []


def test_an_autoencoder_that_diverged_has_no_codes(request_fits: MakeRequest, registry: Registry) -> None:
    told = Told(vae=Diverge())
    reproduce(request_fits(), told, registry=registry)
    assert told.heard[1:] == [
        f"refused {name}-seed0: vae-seed0 was given up, so there are no codes" for name in ("vae-matched", "vae-full")
    ]


def test_scores_and_times_are_in_the_table(
    request_fits: MakeRequest, registry: Registry, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PRIORKIT_CACHE", str(tmp_path / "cache"))
    small = {"extractor.steps": 2, "extractor.epochs": 1, "extractor.width": 2}
    request = request_fits(small, samples=12)
    done = reproduce(request, registry=registry)
    header, rows = done.results.cells(done.results.main_labels)
    cells = [dict(zip(header, row, strict=True)) for row in rows]
    assert all(row["12 codes in"].endswith(" s") for row in cells)
    densities = [row["codes: log-density under the prior (nats)"] for row in cells]
    # A VAE's own prior and the Gaussian have one; flow matching has none.
    assert [bool(text) for text in densities] == [True, False, True]


def test_names_choose_a_fit_with_its_autoencoder_or_all_fits_of_a_prior() -> None:
    assert [system.name for system in FITS.chosen(("vae-full",))] == ["vae", "vae-full"]
    assert [system.name for system in PRIORS_STUDY.chosen(("full-gaussian",))][:2] == [
        "autoencoder",
        "autoencoder-full-gaussian",
    ]
    with pytest.raises(ConfigurationError, match="has no system 'ful-gaussian'; did you mean 'full-gaussian'"):
        PRIORS_STUDY.chosen(("ful-gaussian",))


def test_a_users_own_prior_joins(registry: Registry) -> None:
    study = with_own_priors(find_study("priors"), ["location", "full-gaussian"], registry)
    added = study.systems[len(PRIORS_STUDY.systems) :]
    assert {system.prior for system in added} == {"location"}
    assert {system.fitted_to for system in added} == {"autoencoder", "vae", "vq-vae"}
    assert with_own_priors(find_study("table1"), ["location"], registry) == find_study("table1")


def test_another_length_of_fits_does_not_compare(request_fits: MakeRequest, registry: Registry) -> None:
    reproduce(request_fits(), registry=registry)
    with pytest.raises(RunFolderError, match=r"was started with --fit-steps 2, but this command has --fit-steps 3"):
        reproduce(request_fits(fit_limit={"steps": 3}), registry=registry)


def test_budgets_in_words(request_fits: MakeRequest) -> None:
    assert request_fits().budget == "3 steps and 2 steps of fitting"
    assert request_fits(fit_limit={"max_time": 90.0}).budget == "3 steps and 1m 30s of fitting"
