"""A prior that reads the training images, in training and in a run that is loaded."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from priorkit.cli.decoding import sample_command
from priorkit.config import RunConfig
from priorkit.data import to_float
from priorkit.errors import ConfigurationError, DataError
from priorkit.interfaces import Encoder, Learning, Prior
from priorkit.plugins import Component, PriorContext
from priorkit.registry import Registry
from priorkit.runs import load_run, load_run_data, prepare, prepare_resumed
from priorkit.testing import Situations, check_prior


class ExemplarPrior(Prior):
    """A mixture of normal distributions around the codes of all training images (Norouzi et al. 2020, Exemplar VAE).

    The codes are those of the encoder as it stands, so the images are needed for as long as the prior is used.
    """

    learning = Learning.LIKELIHOOD
    has_density = True
    exemplars: Tensor

    def __init__(self, context: PriorContext) -> None:
        super().__init__()
        if context.encoder is None:
            raise ValueError("its exemplars are encoded: it needs an encoder")
        assert context.training_images is not None
        self.code_dim = context.code_dim
        self.log_deviation = nn.Parameter(torch.zeros(()))
        images = context.training_images()
        # Not saved: a loaded run reads the images again.
        self.register_buffer("exemplars", images.take(torch.arange(len(images))), persistent=False)
        self._encoder: tuple[Encoder] = (context.encoder,)

    def noise(self, n: int, *, generator: torch.Generator | None = None, device: torch.device | None = None) -> Tensor:
        picked = torch.rand(n, 1, generator=generator, device=device)
        return torch.cat([picked, torch.randn(n, self.code_dim, generator=generator, device=device)], dim=1)

    def forward(self, noise: Tensor, condition: Tensor | None = None) -> Tensor:
        picked = (noise[:, 0] * len(self.exemplars)).long().clamp(max=len(self.exemplars) - 1)
        codes: Tensor = self.codes().index_select(0, picked) + self.log_deviation.exp() * noise[:, 1:]
        return codes

    def log_prob(self, code: Tensor, condition: Tensor | None = None) -> Tensor:
        deviation = self.log_deviation.exp()
        normal = torch.distributions.Normal(self.codes(), deviation, validate_args=False)
        parts: Tensor = normal.log_prob(code.float()[:, None]).sum(2)  # type: ignore[no-untyped-call]
        return parts.logsumexp(1) - torch.tensor(len(self.exemplars)).log()

    def codes(self) -> Tensor:
        # (N, code_dim); all of them: the tests have few.
        mean: Tensor = self._encoder[0](to_float(self.exemplars)).mean.float()
        return mean


@pytest.fixture(scope="module")
def exemplars(make_registry: Callable[..., Registry], make_component: Callable[..., Component[Any]]) -> Registry:
    build = make_component("exemplars", lambda options, context: ExemplarPrior(context))
    return make_registry([("prior", build)])


@pytest.fixture
def images(tmp_path: Path, write_images: Callable[..., None]) -> Path:
    write_images(tmp_path / "images.npz", 30)
    return tmp_path / "images.npz"


@pytest.fixture
def run_path(run_config: Callable[..., RunConfig], exemplars: Registry, images: Path, tmp_path: Path) -> Path:
    config = run_config("vae", exemplars, prior="exemplars", dataset="npz", data_dir=str(images), steps=4)
    prepare(config, tmp_path / "run", registry=exemplars).run()
    return tmp_path / "run"


def test_it_keeps_its_contract() -> None:
    report = check_prior(ExemplarPrior, situations=Situations(code_dims=(2,), classes=(0,), examples=2))
    report.raise_if_failed()


def test_a_loaded_run_has_the_exemplars_that_it_was_trained_with(run_path: Path, exemplars: Registry) -> None:
    run = load_run(run_path, device="cpu", registry=exemplars)
    assert run.data is not None
    assert load_run_data(run, registry=exemplars) is run.data
    train = run.data.train
    assert len(train) == run.environment["data"]["train"]
    assert torch.equal(run.prior.exemplars, train.first(len(train)))
    # The density is that of the codes which this run gives to these images.
    assert run.prior.log_deviation != 0
    centres = run.encode(to_float(train.first(len(train))))
    code = torch.randn(5, run.config.code_dim, generator=torch.Generator().manual_seed(0))
    squares = (code[:, None] - centres).square().sum(2) / run.prior.log_deviation.exp().square()
    constant = run.config.code_dim * (run.prior.log_deviation + 0.5 * torch.log(torch.tensor(2 * torch.pi)))
    expected = (-0.5 * squares - constant).exp().mean(1).log()
    torch.testing.assert_close(run.prior.log_prob(code), expected, rtol=1e-4, atol=1e-4)


def test_checkpoints_hold_no_images(run_path: Path, exemplars: Registry) -> None:
    run = load_run(run_path, device="cpu", registry=exemplars)
    assert not [name for name in run.checkpoints.load_weights("last") if "exemplars" in name]


def test_images_that_are_missing_are_named(run_path: Path, images: Path, exemplars: Registry, tmp_path: Path) -> None:
    samples = load_run(run_path, device="cpu", registry=exemplars).sample(3)
    moved = shutil.move(images, tmp_path / "elsewhere.npz")
    with pytest.raises(DataError) as caught:
        load_run(run_path, device="cpu", registry=exemplars)
    message = str(caught.value)
    assert message.startswith("--prior exemplars reads the run's training images: ")
    assert "images.npz" in message
    assert "\n" not in message
    run = load_run(run_path, device="cpu", data_dir=moved, registry=exemplars)
    assert torch.equal(run.sample(3), samples)


def test_other_images_are_refused(
    run_path: Path, images: Path, exemplars: Registry, write_images: Callable[..., None]
) -> None:
    write_images(images, 30, value=1)
    with pytest.raises(DataError, match="reads the run's training images: the data set is not the one that"):
        load_run(run_path, device="cpu", registry=exemplars)


def test_it_is_sampled_by_the_command_line(
    run_path: Path, images: Path, exemplars: Registry, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    moved = shutil.move(images, tmp_path / "elsewhere.npz")
    command = [str(run_path), "--device", "cpu", "-n", "2", "--out", str(tmp_path / "samples.png")]
    with pytest.raises(DataError, match="reads the run's training images"):
        sample_command(command, exemplars)
    assert sample_command([*command, "--data-dir", str(moved)], exemplars) == 0
    assert (tmp_path / "samples.png").exists()
    capsys.readouterr()


def test_a_resumed_run_is_the_same_run(
    run_path: Path,
    run_config: Callable[..., RunConfig],
    exemplars: Registry,
    images: Path,
    tmp_path: Path,
    assert_same: Callable[..., None],
) -> None:
    prepare_resumed(run_path, {"steps": 6}, registry=exemplars).run()
    config = run_config("vae", exemplars, prior="exemplars", dataset="npz", data_dir=str(images), steps=6)
    prepare(config, tmp_path / "whole", registry=exemplars).run()
    assert_same(run_path, tmp_path / "whole")


def test_runs_that_need_no_images_read_none(trained_path: Path, registry: Registry) -> None:
    run = load_run(trained_path, device="cpu", registry=registry, data_dir="nowhere")
    assert run.data is None


def test_without_a_data_set_there_are_none(run_config: Callable[..., RunConfig], exemplars: Registry) -> None:
    with pytest.raises(ConfigurationError, match="--prior exemplars: its exemplars are encoded"):
        prepare(run_config("dcgan", exemplars, prior="exemplars"), registry=exemplars)


def test_a_run_of_the_prior_that_keeps_codes_needs_no_images(
    run_config: Callable[..., RunConfig], registry: Registry, images: Path, tmp_path: Path
) -> None:
    config = run_config("exemplar-vae", registry, dataset="npz", data_dir=str(images), steps=4)
    prepare(config, tmp_path / "run", registry=registry).run()
    images.unlink()
    run = load_run(tmp_path / "run", device="cpu", registry=registry)
    assert run.sample(3).shape == (3, run.shape.channels, run.shape.size, run.shape.size)
    assert run.prior.log_prob(torch.zeros(2, run.config.code_dim)).isfinite().all()
    assert run.prior.codes.abs().sum() > 0
