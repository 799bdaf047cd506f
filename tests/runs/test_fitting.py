"""Priors that are fitted to the codes of a trained run."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from priorkit.config import RunConfig
from priorkit.distributed import Processes
from priorkit.errors import ConfigurationError, RunFolderError
from priorkit.models.batch_sharing import require_shareable_terms
from priorkit.plugins import Component
from priorkit.registry import Registry
from priorkit.runs import RunFolder, fit, load_run, prepare, prepare_fit, prepare_resumed
from priorkit.training import Observer

# Other batches than those of training: the statistics of the encoder must not depend on them.
FIT: dict[str, Any] = {"batch_size": 10, "steps": 6, "sample_every": 3, "checkpoint_every": 2, "log_every": 2}


@pytest.fixture(scope="module")
def vae_path(
    registry: Registry, run_config: Callable[..., RunConfig], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    path = tmp_path_factory.mktemp("runs") / "vae"
    prepare(run_config("vae"), path, registry=registry).run()
    return path


def changes(prior: str | dict[str, Any], **others: Any) -> dict[str, Any]:
    return {**FIT, "prior": prior, **others}


PRIORS = [
    "location",
    {"name": "flow-matching", "hidden": 8},
    {"name": "mixture", "learned": True, "components": 3},
    {"name": "vampprior", "pseudo_inputs": 4},
]


def weights_of(path: Path) -> dict[str, Tensor]:
    return RunFolder.open(path).checkpoints.load_weights("last")


def bytes_of(path: Path) -> dict[str, bytes]:
    return {str(item.relative_to(path)): item.read_bytes() for item in path.rglob("*") if item.is_file()}


@pytest.mark.parametrize("prior", PRIORS, ids=str)
def test_the_prior_learns_and_the_autoencoder_stands_still(
    prior: Any, vae_path: Path, registry: Registry, tmp_path: Path
) -> None:
    before = bytes_of(vae_path)
    prepared = prepare_fit(vae_path, changes(prior), tmp_path / "fitted", registry=registry)
    started = {key: value.clone() for key, value in prepared.session.weights().items()}
    assert prepared.run().steps == 6
    ended = weights_of(tmp_path / "fitted")
    moved = {
        key.partition("/")[0]
        for key in ended
        if not key.startswith("use/") and not torch.equal(ended[key], started[key])
    }
    assert moved <= {"prior", "average"}
    assert "prior" in moved
    assert bytes_of(vae_path) == before
    original, fitted = load_run(vae_path, registry=registry), load_run(tmp_path / "fitted", registry=registry)
    images = torch.rand(4, 1, 16, 16, generator=torch.Generator().manual_seed(0)) * 2 - 1
    torch.testing.assert_close(fitted.encode(images), original.encode(images))
    assert fitted.sample(3).shape == (3, 1, 16, 16)
    assert any("loss/code_fitting/codes" in row for row in fitted.metrics)


def test_a_fit_needs_the_other_run_no_more_and_resumes_bit_for_bit(
    vae_path: Path, registry: Registry, tmp_path: Path, at: Callable[..., Observer]
) -> None:
    source = shutil.copytree(vae_path, tmp_path / "source")
    prior = {"name": "flow-matching", "hidden": 8}
    straight, stopped = tmp_path / "straight", tmp_path / "stopped"
    prepare_fit(source, changes(prior), straight, registry=registry).run()
    prepare_fit(source, changes(prior, steps=3), stopped, registry=registry).run()
    shutil.rmtree(source)
    assert prepare_resumed(stopped, {"steps": 6}, registry=registry).run().steps == 6
    expected, found = weights_of(straight), weights_of(stopped)
    assert expected.keys() == found.keys()
    assert [key for key in expected if not torch.equal(expected[key], found[key])] == []


def test_learning_rates_of_a_fit_follow_their_schedule(vae_path: Path, registry: Registry, tmp_path: Path) -> None:
    scheduled = changes(PRIORS[1], learning_rate=0.5, lr_schedule="linear")
    session = prepare_fit(vae_path, scheduled, tmp_path / "fitted", registry=registry).session
    rates = []
    for _ in range(6):
        session.step()
        rates.append(session.engine.optimizers["prior"].param_groups[0]["lr"])
    assert rates == pytest.approx([0.5 * (1 - step / 6) for step in range(6)])


def test_a_fitted_prior_follows_the_codes(
    registry: Registry, run_config: Callable[..., RunConfig], tmp_path: Path
) -> None:
    """The mean of a normal prior ends at the mean of the codes."""
    prepare(run_config("aae"), tmp_path / "aae", registry=registry).run()
    prepared = prepare_fit(
        tmp_path / "aae",
        changes("location", steps=400, learning_rate=0.05, average=0.0),
        tmp_path / "fitted",
        registry=registry,
    )
    prepared.run()
    run = load_run(tmp_path / "fitted", registry=registry)
    codes = run.encode(prepared.data.train.images[:].float() / 127.5 - 1)  # type: ignore[index]
    learned: Any = run.prior
    torch.testing.assert_close(learned.mean, codes.mean(0), atol=0.1, rtol=0.1)


def test_codes_come_with_their_conditions(
    registry: Registry, run_config: Callable[..., RunConfig], vae_path: Path, tmp_path: Path
) -> None:
    prior = {"name": "flow-matching", "hidden": 8}
    run = fit(vae_path, tmp_path / "fitted", registry=registry, **changes(prior, condition={"name": "labels"}))
    assert run.sample(2, labels=["odd", "even"]).shape == (2, 1, 16, 16)
    with pytest.raises(ConfigurationError, match="nothing says which 'categorical' condition"):
        prepare_fit(vae_path, changes(prior, condition="categorical"), tmp_path / "no", registry=registry)


REFUSED: list[tuple[dict[str, Any], str]] = [
    (changes("gaussian"), "--prior gaussian: it has nothing to learn; use a prior that learns from codes"),
    (changes("learned"), "--prior learned: it learns by fooling an image discriminator"),
    (changes("location", encoder="gaussian"), "--encoder: a fit leaves the autoencoder of .* as it is"),
    (changes("location", code_dim=8), "--code-dim: a fit leaves"),
    (changes("location", seed=1), "--seed: a fit leaves"),
    (changes("location", learning_rates={"decoder": 0.1}), "--learning-rates.decoder: a fit trains the prior alone"),
    (changes("location", batch_size=1000), "--batch-size 1000 is more than the 20 training images"),
]


@pytest.mark.parametrize(("asked", "told"), REFUSED)
def test_what_cannot_be_fitted_is_refused(
    asked: dict[str, Any], told: str, vae_path: Path, registry: Registry, tmp_path: Path
) -> None:
    before = bytes_of(vae_path)
    with pytest.raises(ConfigurationError, match=told):
        prepare_fit(vae_path, asked, tmp_path / "fitted", registry=registry)
    assert not (tmp_path / "fitted").exists()
    assert bytes_of(vae_path) == before


def test_a_gan_has_no_codes(registry: Registry, run_config: Callable[..., RunConfig], tmp_path: Path) -> None:
    prepare(run_config("dcgan"), tmp_path / "gan", registry=registry).run()
    with pytest.raises(ConfigurationError, match=r"has no encoder .*, so there are no codes to fit a prior to"):
        prepare_fit(tmp_path / "gan", changes("location"), tmp_path / "fitted", registry=registry)
    # Whatever the prior would have said of it.
    with pytest.raises(ConfigurationError, match=r"has no encoder .*, so there are no codes to fit a prior to"):
        prepare_fit(tmp_path / "gan", changes("vampprior"), tmp_path / "fitted", registry=registry)


def test_advice_to_change_the_autoencoder_says_that_a_fit_cannot(
    registry: Registry, run_config: Callable[..., RunConfig], tmp_path: Path
) -> None:
    prepare(run_config("aae"), tmp_path / "aae", registry=registry).run()
    with pytest.raises(ConfigurationError) as caught:
        prepare_fit(tmp_path / "aae", changes("vampprior"), tmp_path / "fitted", registry=registry)
    message = str(caught.value)
    assert message.startswith("--prior vampprior: needs an encoder that gives a distribution; use --encoder gaussian. ")
    assert message.endswith("/aae' as it is: choose another prior, or fit to a run that was trained in this way")
    assert "\n" not in message
    with pytest.raises(ConfigurationError, match=r"there is no s; use --condition labels or another condition$"):
        prepare_fit(tmp_path / "aae", changes("labelled-gaussian"), tmp_path / "fitted", registry=registry)


def test_a_run_whose_prior_was_made_of_its_encoder_can_be_fitted_to(
    registry: Registry, run_config: Callable[..., RunConfig], tmp_path: Path
) -> None:
    prior = {"name": "vampprior", "pseudo_inputs": 4}
    source = prepare(run_config("vampprior", prior=prior), tmp_path / "vamp", registry=registry)
    source.run()
    before = {path: path.read_bytes() for path in (tmp_path / "vamp").rglob("*") if path.is_file()}
    for name in ("location", prior):
        fitted = fit(
            tmp_path / "vamp", tmp_path / f"fitted-{isinstance(name, dict)}", registry=registry, **changes(name)
        )
        assert fitted.sample(2).isfinite().all()
    assert {path: path.read_bytes() for path in (tmp_path / "vamp").rglob("*") if path.is_file()} == before


def test_a_prior_that_learns_in_phases_of_its_own_is_refused(
    make_registry: Callable[..., Registry],
    make_component: Callable[..., Component[Any]],
    registry: Registry,
    vae_path: Path,
    tmp_path: Path,
) -> None:
    from priorkit.interfaces import Learning

    def build(options: Any, context: Any) -> Any:
        prior: Any = registry.get("prior", "location").component.build(options, context)
        prior.learning = Learning.PHASES
        return prior

    other = make_registry([("prior", make_component("phased", build))])
    with pytest.raises(ConfigurationError, match="--prior phased: it learns in its own phases"):
        prepare_fit(vae_path, changes("phased"), tmp_path / "fitted", registry=other)


@pytest.mark.parametrize(
    ("setting", "other", "error", "told"),
    [
        ("train = 20", "train = 19", ConfigurationError, "the data set is not the one that"),
        ("hidden = 6", "hidden = 7", RunFolderError, "the weights in .* do not fit"),
    ],
)
def test_a_run_whose_configuration_was_edited_is_refused(
    setting: str, other: str, error: type[Exception], told: str, vae_path: Path, registry: Registry, tmp_path: Path
) -> None:
    source = shutil.copytree(vae_path, tmp_path / "source")
    config = source / "config.toml"
    config.write_text(config.read_text(encoding="utf-8").replace(setting, other), encoding="utf-8")
    with pytest.raises(error, match=told):
        prepare_fit(source, changes("location"), tmp_path / "fitted", registry=registry)


def test_such_a_run_cannot_be_trained_from_its_configuration(
    vae_path: Path, registry: Registry, tmp_path: Path
) -> None:
    prepared = prepare_fit(vae_path, changes("location"), tmp_path / "fitted", registry=registry)
    with pytest.raises(ConfigurationError, match=r"use priorkit fit .* --prior location"):
        prepare(prepared.config, tmp_path / "trained", registry=registry)


def test_a_loaded_run_is_fitted_at_the_checkpoint_that_it_has(
    registry: Registry, run_config: Callable[..., RunConfig], tmp_path: Path
) -> None:
    source = tmp_path / "vae"
    prepare(run_config("vae", steps=2), source, registry=registry).run()
    earlier = RunFolder.open(source).checkpoints.path("last")
    shutil.copytree(earlier, tmp_path / earlier.name)
    prepare_resumed(source, {"steps": 6}, registry=registry).run()
    # As if the earlier checkpoint had been the better one.
    if not earlier.exists():
        shutil.copytree(tmp_path / earlier.name, earlier)
    pointer = {"checkpoint": earlier.name}
    (source / "checkpoints" / "best.json").write_text(json.dumps(pointer), encoding="utf-8")
    best, last = (load_run(source, checkpoint=name, registry=registry) for name in ("best", "last"))
    images = torch.rand(2, 1, 16, 16, generator=torch.Generator().manual_seed(0)) * 2 - 1
    assert not torch.equal(best.encode(images), last.encode(images))
    for run in (best, last):
        fitted = fit(run, tmp_path / f"fitted-{run.checkpoint}", registry=registry, **changes("location"))
        torch.testing.assert_close(fitted.encode(images), run.encode(images))
        assert fitted.config.fitted_checkpoint == run.checkpoint
    best.checkpoint = "step-00000001"
    with pytest.raises(RunFolderError, match="has been trained since its checkpoint step-00000001 was loaded"):
        fit(best, tmp_path / "no", registry=registry, **changes("location"))


def test_several_processes_are_refused(vae_path: Path, registry: Registry, tmp_path: Path) -> None:
    prepared = prepare_fit(vae_path, changes("location"), tmp_path / "fitted", registry=registry)
    both = Processes()
    both.count = 2
    with pytest.raises(ConfigurationError, match="a prior is fitted to codes in one process, not in 2"):
        require_shareable_terms(prepared.session.system, prepared.config, both)
