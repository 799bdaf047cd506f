"""`priorkit.train` with what Python code has: its own images, modules and functions."""

import functools
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torchvision.transforms import v2

import priorkit
from priorkit.errors import ConfigurationError, DataError, PriorkitError
from priorkit.interfaces import Encoder, Posterior
from priorkit.runs import load_run_data

IMAGES = np.random.default_rng(0).integers(0, 256, size=(40, 16, 16), dtype=np.uint8)
LABELS = np.arange(40) % 4
SMALL: dict[str, Any] = {
    "networks": {"name": "mlp", "hidden": 8},
    "code_dim": 4,
    "batch_size": 8,
    "device": "cpu",
    "average": 0.5,
}


def encoder(outputs: int = 4) -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(256, 8), nn.ReLU(), nn.BatchNorm1d(8), nn.Linear(8, outputs))


def decoder() -> nn.Module:
    return nn.Sequential(nn.Linear(4, 256), nn.Tanh(), nn.Unflatten(1, (1, 16, 16)))


def config(**changes: Any) -> priorkit.RunConfig:
    return priorkit.RunConfig(**{**SMALL, "steps": 4, **changes})


def test_images_and_modules_of_ones_own_are_trained_loaded_and_gone_on_with(tmp_path: Path) -> None:
    given: dict[str, Any] = {"data": (IMAGES, LABELS), "encoder": encoder, "decoder": decoder}
    whole = priorkit.train(config(steps=6, condition="labels"), tmp_path / "whole", **given)
    assert whole.class_names == ("0", "1", "2", "3")
    assert whole.sample(2, labels=3).shape == (2, 1, 16, 16)
    assert torch.equal(whole.sample(2, labels=np.int64(3)), whole.sample(2, labels=np.array([3, 3])))
    assert whole.encode(IMAGES).shape == (40, 4)
    assert whole.environment["given"]["encoder"] == f"{__name__}.encoder"

    priorkit.train(config(condition="labels"), tmp_path / "parts", **given)
    parts = priorkit.train(priorkit.RunConfig(steps=6), resume=tmp_path / "parts", **given)
    theirs, ours = (run.folder.find_weights("last")[1] for run in (whole, parts))
    assert all(torch.equal(theirs[key], ours[key]) for key in theirs)

    loaded = priorkit.load_run(tmp_path / "whole", modules={"encoder": encoder(), "decoder": decoder()})
    assert torch.equal(loaded.sample(3), whole.sample(3))
    assert torch.equal(loaded.encode(IMAGES), whole.encode(IMAGES))


def test_a_module_that_is_given_stays_as_it_is(tmp_path: Path) -> None:
    module = encoder()
    before = {key: value.clone() for key, value in module.state_dict().items()}
    run = priorkit.train(config(), tmp_path / "run", data=IMAGES, encoder=module)
    assert all(torch.equal(value, before[key]) for key, value in module.state_dict().items())
    trained = run.folder.find_weights("last")[1]
    assert not torch.equal(trained["encoder/body.1.weight"], before["1.weight"])


def test_frozen_weights_stay_frozen(tmp_path: Path) -> None:
    module = encoder()
    module.get_submodule("1").requires_grad_(False)
    run = priorkit.train(config(), tmp_path / "run", data=IMAGES, encoder=module)
    trained = run.folder.find_weights("last")[1]
    assert torch.equal(trained["encoder/body.1.weight"], module.get_parameter("1.weight"))
    assert not torch.equal(trained["encoder/body.4.weight"], module.get_parameter("4.weight"))


class Means(Encoder):
    code_dim = 4

    def __init__(self) -> None:
        super().__init__()
        self.layers = encoder()

    def forward(self, image: torch.Tensor, noise: torch.Tensor | None = None) -> Posterior:
        code = self.layers(image)
        return Posterior(code, mean=code)


def test_every_role_can_be_given(tmp_path: Path) -> None:
    made = priorkit.make_prior("mixture", 4, components=3)
    critic = nn.Sequential(nn.Flatten(), nn.Linear(256, 8), nn.ReLU(), nn.Linear(8, 1))
    run = priorkit.train(
        config(loss="perceptual"),
        tmp_path / "run",
        data=IMAGES,
        encoder=Means,
        image_critic=critic,
        code_critic=nn.Linear(4, 1),
        prior=made,
    )
    assert run.config.prior.name == run.config.encoder.name == "given"
    modules = {"encoder": Means(), "image_critic": critic, "code_critic": nn.Linear(4, 1), "prior": made}
    assert torch.equal(priorkit.load_run(run.path, modules=modules).sample(2), run.sample(2))


def test_a_prior_is_fitted_to_a_run_of_ones_own_images(tmp_path: Path) -> None:
    run = priorkit.train(priorkit.recipe("autoencoder", **SMALL, steps=4), tmp_path / "run", data=IMAGES)
    fitted = priorkit.fit(run, tmp_path / "fitted", prior="full-gaussian")
    assert fitted.sample(2).shape == (2, 1, 16, 16)
    with pytest.raises(ConfigurationError, match=r"give it again, from Python: data=\.\.\."):
        priorkit.fit(run.path, tmp_path / "other", prior="full-gaussian")


def test_transforms_change_what_is_trained_on_and_are_asked_for_again(tmp_path: Path) -> None:
    plain = priorkit.train(config(), tmp_path / "plain", data=IMAGES)
    flip = v2.RandomHorizontalFlip()
    flipped = [priorkit.train(config(), tmp_path / name, data=IMAGES, transform=flip) for name in ("a", "b")]
    unchanged, *changed = (run.folder.find_weights("last")[1] for run in (plain, *flipped))
    assert all(torch.equal(changed[0][key], changed[1][key]) for key in unchanged)
    assert any(not torch.equal(unchanged[key], changed[0][key]) for key in unchanged)
    with pytest.raises(ConfigurationError, match=r"does not store: transform \(.*RandomHorizontalFlip\)"):
        priorkit.train(priorkit.RunConfig(steps=6), resume=tmp_path / "a", data=IMAGES)


def test_functions_and_observers_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told: list[int] = []

    class Counter(priorkit.Observer):
        steps = 0

        def stepped(self, session: Any) -> None:
            self.steps += 1

    counter = Counter()
    listeners = [counter, lambda session, losses: told.append(session.steps)]
    priorkit.train(config(log_every=2), tmp_path / "run", data=IMAGES, observers=listeners, progress=True)
    assert (counter.steps, told) == (4, [2, 4])
    assert "step 4: held-out" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"data": IMAGES, "encoder": encoder(5)}, r"encoder: Sequential turns .* and \(2, 4\) was expected"),
        ({"data": IMAGES, "prior": priorkit.make_prior("gaussian", 7)}, "set code_dim=7"),
        ({"data": IMAGES, "image_critic": nn.Sequential(nn.Flatten(), nn.Linear(256, 2))}, "one logit for each image"),
        ({"data": IMAGES, "observers": [print, 3]}, "expected a priorkit.Observer, or a function"),
        ({"data": IMAGES, "observers": [priorkit.Observer]}, "the class Observer itself; call it"),
        ({"data": np.zeros((9, 16, 16), complex)}, "images must be numbers"),
        ({"test_data": IMAGES}, "test_data needs data"),
        ({"data": IMAGES[:4]}, "batch-size 8 is more than the 3 training images|--batch-size"),
    ],
)
def test_what_does_not_fit_is_refused_and_nothing_is_written(tmp_path: Path, arguments: Any, told: str) -> None:
    with pytest.raises(PriorkitError, match=told) as caught:
        priorkit.train(config(), tmp_path / "run", **arguments)
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_function_may_make_a_whole_encoder(tmp_path: Path) -> None:
    run = priorkit.train(config(), tmp_path / "run", data=IMAGES, encoder=functools.partial(Means))
    assert (run.config.encoder.name, run.config.networks.name) == ("given", "mlp")


def test_wholly_frozen_modules_are_refused(tmp_path: Path) -> None:
    frozen = encoder().requires_grad_(False)
    with pytest.raises(
        ConfigurationError, match="encoder: Sequential has no weights to train, as all of them are frozen"
    ):
        priorkit.train(config(), tmp_path / "run", data=IMAGES, encoder=frozen)


def test_a_loaded_run_reads_its_images_without_its_transform(tmp_path: Path) -> None:
    flip = v2.RandomHorizontalFlip()
    priorkit.train(config(), tmp_path / "run", data=IMAGES, transform=flip)
    run = priorkit.load_run(tmp_path / "run", data=IMAGES)
    assert len(load_run_data(run).test) == 4
    assert priorkit.fit(run, tmp_path / "fitted", prior="full-gaussian").environment["given"].keys() == {"data"}


def test_a_fit_forgets_the_prior_that_it_replaces(tmp_path: Path) -> None:
    made = priorkit.make_prior("mixture", 4, components=3)
    run = priorkit.train(config(regularizer="none"), tmp_path / "run", data=IMAGES, prior=made, encoder=encoder)
    priorkit.fit(run, tmp_path / "fitted", prior="full-gaussian")
    assert priorkit.load_run(tmp_path / "fitted", modules={"encoder": encoder}).config.prior.name == "full-gaussian"


def test_a_run_is_prolonged_by_its_own_configuration(tmp_path: Path) -> None:
    run = priorkit.train(config(), tmp_path / "run", data=IMAGES)
    for settings in (config(steps=6), run.config.model_copy(update={"steps": 8})):
        longer = priorkit.train(settings, resume=tmp_path / "run", data=IMAGES)
        assert longer.metrics[-1]["step"] == settings.steps


def test_a_display_is_closed_where_training_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    closed: list[bool] = []

    class Display(priorkit.Observer):
        def close(self) -> None:
            closed.append(True)

    def fail(session: Any, losses: Any) -> None:
        raise RuntimeError("no more")

    monkeypatch.setattr("priorkit.runs.listeners.progress_for", lambda shown: Display())
    with pytest.raises(RuntimeError, match="no more"):
        priorkit.train(config(log_every=1), tmp_path / "run", data=IMAGES, observers=[fail])
    assert closed == [True]


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of somebody's images and encoder."""
    path = tmp_path_factory.mktemp("own") / "run"
    priorkit.train(config(), path, data=IMAGES, encoder=encoder)
    return path


@pytest.mark.parametrize(
    ("modules", "told"),
    [
        ({}, r"which it does not store: encoder \(.*\.encoder\); give them again, as by priorkit.load_run"),
        (
            {"encoder": encoder, "decoder": decoder},
            "decoder: the run .* was trained without this Python object; leave it out",
        ),
        ({"encodr": encoder}, "did you mean 'encoder'"),
        ({"encoder": nn.Sequential(nn.Flatten(), nn.Linear(256, 4))}, "do not fit"),
    ],
)
def test_runs_say_which_modules_they_need(own: Path, modules: Any, told: str) -> None:
    with pytest.raises(PriorkitError, match=told) as caught:
        priorkit.load_run(own, modules=modules)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({}, "encoder"),
        ({"encoder": encoder}, r"does not store: data \(numpy.ndarray uint8 \(40, 16, 16\)\); give it again"),
        ({"encoder": encoder, "data": IMAGES[::-1]}, "the data set is not the one"),
        (
            {"encoder": encoder, "data": IMAGES, "test_data": IMAGES},
            "test_data: the run .* was trained without this Python object",
        ),
        ({"encoder": encoder, "data": IMAGES, "out": "elsewhere"}, "a run is resumed in its own folder"),
        (
            {"encoder": encoder, "data": IMAGES, "config": priorkit.RunConfig(code_dim=3)},
            "resumes the run with its configuration, but code_dim would change it",
        ),
    ],
)
def test_resuming_asks_for_the_same_again(own: Path, arguments: Any, told: str) -> None:
    changes = arguments.pop("config", priorkit.RunConfig(steps=6)) if "config" in arguments else None
    with pytest.raises((ConfigurationError, DataError), match=told):
        priorkit.train(changes or priorkit.RunConfig(steps=6), resume=own, **arguments)


def test_a_run_describes_itself(own: Path) -> None:
    run = priorkit.load_run(own, modules={"encoder": encoder}, device="cpu")
    words = f"<Run {str(own)!r}: prior learned, encoder deterministic, codes vectors of shape (4,), 16x16 grey images"
    assert repr(run).startswith(words)
    assert repr(run).endswith("of given, step 4, cpu>")
    shown = run._repr_html_()
    assert 'alt="samples"' in shown
    assert "&lt;Run" not in shown or "<Run" not in shown


def test_fitted_priors_describe_themselves() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fitted = priorkit.fit_prior(np.random.default_rng(0).normal(size=(50, 3)), "full-gaussian", device="cpu")
    assert repr(fitted) == "<FittedPrior: full-gaussian of 50 codes, vectors of shape (3,), with a density, 1 step>"
    assert fitted._repr_html_().count("<circle") == 500
