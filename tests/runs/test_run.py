import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import priorkit
from priorkit.config import RunConfig
from priorkit.data import to_float
from priorkit.errors import (
    ConfigurationError,
    DeviceError,
    RunFolderError,
    RunFolderWarning,
    UnknownComponentError,
)
from priorkit.interfaces import CodeSpace, ImageCritic, ImageShape, ReconstructionLoss
from priorkit.registry import Registry
from priorkit.runs import Run, RunFolder, load_run, prepare, read_metrics, train


@pytest.fixture
def run(trained_path: Path, registry: Registry) -> Run:
    return load_run(trained_path, device="cpu", registry=registry)


def test_a_loaded_run_knows_what_it_is(run: Run, trained_path: Path, run_config: Callable[..., RunConfig]) -> None:
    assert run.path == trained_path
    assert run.shape == ImageShape(1, 16)
    assert run.config.code_dim == 4
    assert run.environment["data"]["train"] == 20
    assert run.metrics == read_metrics(RunFolder.open(trained_path))
    assert run.checkpoints.has("best")
    assert run.prior is run.model.prior


def test_it_is_the_model_that_was_trained(
    registry: Registry, run_config: Callable[..., RunConfig], tmp_path: Path
) -> None:
    for average in (0.0, 0.9):
        prepared = prepare(run_config(average=average), tmp_path / f"run-{average}", registry=registry)
        prepared.run()
        run = load_run(tmp_path / f"run-{average}", device="cpu", registry=registry)
        model, images = prepared.session.model, to_float(prepared.data.test.images)
        assert torch.equal(run.sample(5, seed=3), model.sample(5, seed=3))
        assert torch.equal(run.encode(images), model.encode(images))
        assert torch.equal(run.reconstruct(images), model.reconstruct(images))


def test_it_needs_none_of_the_files_that_its_loss_has_read(
    make_registry: Callable[..., Registry],
    make_component: Callable[..., Any],
    run_config: Callable[..., RunConfig],
    tmp_path: Path,
) -> None:
    class ScaledLoss(ReconstructionLoss):
        def __init__(self, scale: float) -> None:
            super().__init__()
            self.scale = scale

        def forward(
            self, reconstruction: torch.Tensor, image: torch.Tensor, image_critic: ImageCritic | None = None
        ) -> torch.Tensor:
            return self.scale * (reconstruction - image).square().mean()

    file = tmp_path / "scale"
    file.write_text("2")
    scaled = make_component(
        "scaled", lambda options, context: ScaledLoss(1.0 if context.trained else float(file.read_text()))
    )
    registry = make_registry([("loss", scaled)])
    prepared = prepare(run_config("aae", registry, loss="scaled"), tmp_path / "run", registry=registry)
    prepared.run()
    file.unlink()
    run = load_run(tmp_path / "run", device="cpu", registry=registry)
    assert torch.equal(run.sample(5), prepared.session.model.sample(5))


def test_nothing_in_it_trains(run: Run) -> None:
    for network in (run.model.encoder, run.model.decoder, run.model.prior):
        assert not any(layer.training for layer in network.modules())
        assert not any(weight.requires_grad for weight in network.parameters())


def test_the_best_checkpoint_can_be_asked_for(
    registry: Registry, run_config: Callable[..., RunConfig], tmp_path: Path
) -> None:
    prepared = prepare(run_config(steps=4, sample_every=2), tmp_path / "run", registry=registry)
    # A review after two steps, and no later one is better.
    prepared.session.best = {"score": float("inf"), "step": 0.0}

    class Freeze(priorkit.Observer):
        def reviewed(self, session: Any, review: Any) -> None:
            review.scores["sample_distance"] = session.steps

    prepared.run([Freeze()])
    last, best = (
        load_run(tmp_path / "run", checkpoint=name, device="cpu", registry=registry) for name in ("last", "best")
    )
    assert last.checkpoints.load_state("last")["engine"]["steps"] == 4
    assert last.checkpoints.load_state("best")["engine"]["steps"] == 2
    assert not torch.equal(last.sample(4), best.sample(4))


def test_loading_leaves_the_global_generator_alone(trained_path: Path, registry: Registry) -> None:
    torch.manual_seed(11)
    before = torch.get_rng_state()
    load_run(trained_path, device="cpu", registry=registry).sample(2)
    assert torch.equal(torch.get_rng_state(), before)


def test_shapes(run: Run) -> None:
    images = torch.zeros(3, 1, 16, 16)
    assert run.encode(images).shape == (3, 4)
    assert run.decode(torch.zeros(3, 4), from_prior=True).shape == (3, 1, 16, 16)
    assert run.sample(7).shape == (7, 1, 16, 16)
    assert torch.equal(run.sample(7, seed=2), run.sample(7, seed=2))
    assert not torch.equal(run.sample(7, seed=2), run.sample(7, seed=3))


def test_interpolations_lead_from_start_to_end(run: Run) -> None:
    starts, ends = torch.randn(2, 3, 4, generator=torch.Generator().manual_seed(0))
    lines = run.interpolate(starts, ends, 5, from_prior=False)
    assert lines.shape == (3, 5, 1, 16, 16)
    for index, share in ((0, 0.0), (1, 0.25), (4, 1.0)):
        expected = run.decode(starts + share * (ends - starts), from_prior=False)
        torch.testing.assert_close(lines[:, index], expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda run: run.sample(0), "at least 1, not 0"),
        (lambda run: run.encode(torch.zeros(3, 3, 16, 16)), r"\(N, 1, 16, 16\).*\(3, 3, 16, 16\)"),
        (lambda run: run.encode(torch.zeros(16, 16)), r"\(N, 1, 16, 16\).*\(16, 16\)"),
        (lambda run: run.reconstruct(torch.zeros(2, 1, 32, 32)), r"\(N, 1, 16, 16\)"),
        (lambda run: run.encode(torch.zeros(2, 1, 16, 16, dtype=torch.int32)), r"\[-1, 1\], not torch\.int32"),
        (lambda run: run.decode(torch.zeros(2, 5), from_prior=True), r"\(N, 4\), not \(2, 5\)"),
        (lambda run: run.decode(torch.zeros(4), from_prior=True), r"\(N, 4\), not \(4,\)"),
    ],
)
def test_wrong_arguments(call: Callable[[Run], Any], message: str, run: Run) -> None:
    with pytest.raises(ValueError, match=message):
        call(run)


def test_in_bfloat16_too(trained_path: Path, run: Run, registry: Registry) -> None:
    half = load_run(trained_path, device="cpu", precision="bfloat16", registry=registry)
    assert half.sample(4).dtype == torch.float32
    assert torch.allclose(half.sample(4), run.sample(4), atol=0.1)


def test_what_cannot_be_loaded(folder: RunFolder, registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    path = folder.path
    with pytest.raises(RunFolderError, match="no such folder"):
        load_run(path / "nowhere", registry=registry)
    with pytest.raises(RunFolderError, match="no checkpoint 'first'"):
        load_run(path, checkpoint="first", registry=registry)
    with pytest.raises(UnknownComponentError, match=r"networks 'normed' of priorkit-tests 1\.0, .*install it again"):
        load_run(path)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(DeviceError, match="no CUDA device"):
        load_run(path, device="cuda", registry=registry)


@pytest.mark.parametrize(
    ("old", "new", "error"),
    [
        ("code_dim = 4", "code_dim = 5", RunFolderError),
        ("code_dim = 4", "code_dim = 0", ConfigurationError),
        ('name = "perceptual"', 'name = "none-such"', UnknownComponentError),
    ],
)
def test_an_edited_configuration(
    old: str, new: str, error: type[Exception], folder: RunFolder, registry: Registry
) -> None:
    text = folder.config.read_text()
    assert old in text
    folder.config.write_text(text.replace(old, new))
    with pytest.raises(error) as caught:
        load_run(folder.path, device="cpu", registry=registry)
    assert "\n" not in str(caught.value)


def test_a_damaged_checkpoint(folder: RunFolder, registry: Registry) -> None:
    last = folder.checkpoints.path()
    (last / "weights.safetensors").write_bytes(b"short")
    with pytest.warns(RunFolderWarning, match=r"weights\.safetensors': it is damaged.* step-00000004, the checkpoint"):
        assert load_run(folder.path, device="cpu", registry=registry).checkpoint == "step-00000004"
    (folder.checkpoints.folder / "step-00000004" / "weights.safetensors").unlink()
    with pytest.raises(RunFolderError, match=rf"cannot read the checkpoint .*{last.name}") as caught:
        load_run(folder.path, device="cpu", registry=registry)
    assert "\n" not in str(caught.value)


@pytest.fixture(scope="module")
def asked(registry: Registry, run_config: Callable[..., RunConfig], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run whose images are conditioned on the labels of the data."""
    path = tmp_path_factory.mktemp("asked") / "run"
    prepare(run_config(condition="labels", steps=2), path, registry=registry).run()
    return path


@pytest.fixture
def classes(asked: Path, registry: Registry) -> Run:
    return load_run(asked, device="cpu", registry=registry)


def test_samples_of_classes(classes: Run) -> None:
    assert classes.class_names == ("odd", "even")
    assert classes.find_classes(["even", 0, "1"]).tolist() == [1, 0, 1]
    both = classes.sample(2, seed=4, labels=["even", "odd"])
    assert torch.equal(classes.sample(2, seed=4, labels=torch.tensor([1, 0])), both)
    assert torch.equal(classes.sample(2, seed=4, condition=torch.tensor([[0.0, 1.0], [1.0, 0.0]])), both)
    assert torch.equal(classes.sample(3, seed=4, labels="even"), classes.sample(3, seed=4, labels=[1, 1, 1]))
    assert not torch.equal(classes.sample(2, seed=4, labels=0), classes.sample(2, seed=4, labels=1))
    assert torch.equal(classes.sample(3, seed=4), classes.sample(3, seed=4, condition=classes.model.conditions(3, 4)))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"labels": "evne"}, "no class 'evne'; did you mean 'even'?"),
        ({"labels": 2}, "no class 2"),
        ({"labels": [0, 1, 0]}, "labels must be one class, or 2 of them, not 3"),
        ({"labels": torch.tensor([0.0, 1.0])}, "labels must be whole numbers"),
        ({"labels": torch.zeros(2, 2, dtype=torch.int64)}, "labels must be whole numbers"),
        ({"labels": 0, "condition": torch.zeros(2, 2)}, "give one of them"),
        ({"condition": torch.zeros(2, 3)}, r"the condition must have the shape \(2, 2\)"),
        ({"condition": torch.zeros(3, 2)}, r"the condition must have the shape \(2, 2\)"),
    ],
    ids=str,
)
def test_classes_that_are_none(classes: Run, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        classes.sample(2, **arguments)


def test_a_run_without_classes_says_so(run: Run) -> None:
    assert run.class_names == ()
    for ask in (
        lambda: run.sample(2, labels=0),
        lambda: run.sample(2, condition=torch.zeros(2, 1)),
        lambda: run.find_classes(["odd"]),
    ):
        with pytest.raises(ConfigurationError, match="--condition none"):
            ask()


def test_codes_that_are_maps_have_their_shape(
    tmp_path: Path, registry: Registry, run_config: Callable[..., RunConfig]
) -> None:
    maps = {"networks": {"name": "mlp", "hidden": 6}, "code_dim": 3, "code_size": 2}
    prepare(run_config(**maps), tmp_path / "run", registry=registry).run()
    run = load_run(tmp_path / "run", device="cpu", registry=registry)
    images = torch.rand(4, 1, 16, 16) * 2 - 1
    codes = run.encode(images)
    assert codes.shape == (4, 3, 2, 2)
    assert torch.equal(codes.flatten(1), run.model.encode(images))
    decoded = run.decode(codes, from_prior=False)
    assert torch.equal(decoded, run.decode(codes.flatten(1), from_prior=False))
    assert torch.equal(decoded, run.reconstruct(images))
    lines = run.interpolate(codes[:2], codes[2:], 3, from_prior=False)
    middle = run.decode((codes[:2] + codes[2:]) / 2, from_prior=False)
    torch.testing.assert_close(lines[:, 1], middle, rtol=0, atol=1e-5)
    with pytest.raises(ValueError, match=r"shape \(N, 3, 2, 2\), not \(4, 3, 4\)"):
        run.decode(codes.flatten(2), from_prior=False)


def test_codes_that_are_indices_have_their_shape(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run.model, "code_space", CodeSpace((2, 2), 5))
    for wrong in (torch.zeros(1, 2, 2), torch.full((1, 2, 2), 5), torch.full((1, 4), -1)):
        with pytest.raises(ValueError, match="whole numbers from 0 to 4: indices of a codebook"):
            run.decode(wrong, from_prior=True)
    with pytest.raises(ConfigurationError, match=r"indices of a codebook, which cannot be interpolated"):
        run.interpolate(torch.zeros(1, 4), torch.zeros(1, 4), 3, from_prior=True)


@pytest.mark.parametrize("around", [torch.no_grad, torch.inference_mode, lambda: torch.device("meta")])
def test_what_the_program_around_has_chosen_in_torch_changes_nothing(
    registry: Registry, run_config: Callable[..., RunConfig], tmp_path: Path, around: Callable[[], Any]
) -> None:
    expected = train(run_config(), tmp_path / "expected", registry=registry)
    samples, codes = expected.sample(3), expected.encode(expected.sample(3))
    torch.set_default_dtype(torch.float64)
    try:
        with around():
            train(run_config(), tmp_path / "run", registry=registry)
            run = load_run(tmp_path / "run", device="cpu", registry=registry)
            found = run.sample(3), run.encode(run.sample(3)), run.decode(run.encode(run.sample(3)), from_prior=False)
    finally:
        torch.set_default_dtype(torch.float32)
    assert torch.equal(found[0], samples)
    assert torch.equal(found[1], codes)
    assert found[2].dtype == torch.float32


def test_numbers_of_twice_the_precision_are_taken(run: Run) -> None:
    images = run.sample(3)
    codes = run.encode(images)
    assert torch.equal(run.encode(images.double()), codes)
    assert torch.equal(run.decode(codes.double(), from_prior=True), run.decode(codes, from_prior=True))


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [
        (0, 255, "these are from 0 to 255: give 0 to 255 as uint8"),
        (-1, float("nan"), "these are from nan to nan"),
        (float("-inf"), 1, "these are from -inf to 1"),
        (-1.1, 1, "these are from -1.1 to 1"),
    ],
)
def test_images_that_are_not_from_minus_one_to_one_are_refused(run: Run, low: float, high: float, said: str) -> None:
    images = torch.zeros(2, 1, 16, 16)
    images[0, 0, 0, 0], images[1, 0, 5, 5] = low, high
    for use in (run.encode, run.reconstruct):
        with pytest.raises(ValueError, match=re.escape(said)):
            use(images)


def test_images_that_rounding_has_led_out_are_taken(run: Run) -> None:
    images = torch.full((1, 1, 16, 16), 1.004)
    assert run.encode(images).shape == (1, 4)
    assert run.encode(images[:0]).shape == (0, 4)


def test_codes_and_conditions_that_are_not_finite_are_refused(run: Run) -> None:
    codes = torch.zeros(2, 4)
    codes[1, 2] = float("nan")
    with pytest.raises(ValueError, match="codes must be finite numbers"):
        run.decode(codes, from_prior=True)
