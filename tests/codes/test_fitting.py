"""Fits to given codes: refused, stopped, gone on with."""

import json
import math
import re
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import priorkit
from priorkit.codes import CodeFit, CodeFitting, FittedPrior, PriorFolder, prepare_code_fit, prepare_resumed_fit
from priorkit.config import LRSchedule
from priorkit.errors import ConfigurationError, NonFiniteLossError, PluginError, RunFolderError, RunFolderWarning
from priorkit.interfaces import Learning, Prior, Space, Support
from priorkit.registry import Registry
from priorkit.runs.training_lock import training_lock

CODES = np.random.default_rng(0).normal(2, 3, size=(30, 4))
CLASSES = np.arange(30) % 3
FLOW_MATCHING = {"name": "flow-matching", "hidden": 8, "layers": 1, "steps": 1}
SMALL: dict[str, Any] = {"device": "cpu", "prior": FLOW_MATCHING, "steps": 8, "batch_size": 7, "log_every": 3}


class Normed(Prior):
    """A code generator with batch norm, which learns the mean of codes; it may refuse them, or fail."""

    learning = Learning.CODES

    def __init__(self, code_dim: int, fails: Exception | None = None) -> None:
        super().__init__()
        self.code_dim = code_dim
        self.fails = fails
        self.layers = nn.Sequential(nn.Linear(code_dim, code_dim), nn.BatchNorm1d(code_dim))

    def noise(self, n: int, *, generator: Any = None, device: Any = None) -> Tensor:
        return torch.randn(n, self.code_dim, generator=generator, device=device)

    def forward(self, noise: Tensor, condition: Tensor | None = None) -> Tensor:
        made: Tensor = self.layers(noise)
        return made

    def code_noise(self, n: int, *, generator: Any = None, device: Any = None) -> Tensor:
        return self.noise(n, generator=generator, device=device)

    def code_loss(self, code: Tensor, noise: Tensor, condition: Tensor | None = None) -> Tensor:
        if self.fails is not None and self.training:
            raise self.fails
        return (self(noise) - code).square().mean()


def registry_with(make_registry: Any, make_component: Any, fails: Exception | None = None) -> Registry:
    made: Registry = make_registry([("prior", make_component("normed", lambda _, c: Normed(c.code_dim, fails)))])
    return made


class OnSphere(Normed):
    """Codes of length 1."""

    support = Support(Space.SPHERE)

    def forward(self, noise: Tensor, condition: Tensor | None = None) -> Tensor:
        return nn.functional.normalize(super().forward(noise))


class Stopping:
    """Presses Ctrl-C after a step."""

    def __init__(self, step: int) -> None:
        self.step = step

    def started(self, session: CodeFit) -> None: ...

    def measured(self, session: CodeFit, losses: dict[str, float]) -> None: ...

    def stepped(self, session: CodeFit) -> None:
        if session.steps == self.step:
            signal.raise_signal(signal.SIGINT)


def weights_of(path: Path) -> dict[str, Tensor]:
    return PriorFolder.open(path).checkpoints.load_weights()


def steps_of(path: Path) -> list[tuple[int, float]]:
    rows = [json.loads(line) for line in (path / "metrics.jsonl").read_text().splitlines()]
    return [(row["step"], row["loss/code_fitting/codes"]) for row in rows]


@pytest.mark.parametrize("prior", [FLOW_MATCHING, "normed"], ids=str)
def test_a_fit_that_is_stopped_goes_on_bit_for_bit(
    prior: Any, make_registry: Any, make_component: Any, tmp_path: Path
) -> None:
    registry = registry_with(make_registry, make_component)
    changes = {**SMALL, "prior": prior, "checkpoint_every": 2}
    conditions = CLASSES if prior == FLOW_MATCHING else None
    whole = prepare_code_fit(CODES, changes, conditions=conditions, out=tmp_path / "whole", registry=registry)
    assert whole.run() is None
    stopped = prepare_code_fit(CODES, changes, conditions=conditions, out=tmp_path / "stopped", registry=registry)
    assert stopped.run([Stopping(5)]) == "interrupted"
    assert FittedPrior.load(tmp_path / "stopped", registry=registry).steps == 5
    going_on = prepare_resumed_fit(tmp_path / "stopped", codes=CODES, conditions=conditions, registry=registry)
    assert going_on.run() is None
    first, second = weights_of(tmp_path / "whole"), weights_of(tmp_path / "stopped")
    assert first.keys() == second.keys()
    assert all(torch.equal(first[key], second[key]) for key in first)
    assert steps_of(tmp_path / "whole") == steps_of(tmp_path / "stopped")
    assert torch.equal(going_on.fitted().sample(5), FittedPrior.load(tmp_path / "whole", registry=registry).sample(5))


def test_a_fit_is_prolonged_as_if_it_had_been_longer_from_the_start(tmp_path: Path) -> None:
    priorkit.fit_prior(CODES, out=tmp_path / "long", **SMALL)
    priorkit.fit_prior(CODES, out=tmp_path / "short", **{**SMALL, "steps": 4})
    assert prepare_resumed_fit(tmp_path / "short", {"steps": 8}, codes=CODES).run() is None
    first, second = weights_of(tmp_path / "long"), weights_of(tmp_path / "short")
    assert all(torch.equal(first[key], second[key]) for key in first)


def test_ctrl_c_in_a_program_is_ctrl_c(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        priorkit.fit_prior(CODES, out=tmp_path / "prior", observers=[Stopping(2)], **SMALL)
    assert FittedPrior.load(tmp_path / "prior").steps == 2


def test_the_callers_randomness_goes_on_as_if_nothing_had_been_fitted() -> None:
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    priorkit.fit_prior(CODES, **SMALL)
    assert torch.equal(torch.rand(3), expected)


def test_a_prior_in_use_has_statistics_of_its_noise(make_registry: Any, make_component: Any, tmp_path: Path) -> None:
    registry = registry_with(make_registry, make_component)
    fitted = priorkit.fit_prior(CODES, "normed", out=tmp_path / "prior", registry=registry, device="cpu", steps=4)
    seen = fitted.prior(fitted.prior.noise(4000))
    norm = fitted.prior.get_submodule("layers.1")
    assert torch.allclose(seen.mean(0), norm.bias, atol=0.1)  # type: ignore[arg-type]
    assert torch.equal(fitted.sample(3), FittedPrior.load(tmp_path / "prior", registry=registry).sample(3))


def test_a_class_that_no_code_has_is_a_class_all_the_same(tmp_path: Path) -> None:
    drawn = np.random.default_rng(0).integers(0, 4, (200, 2))
    codes = np.eye(5, dtype=np.float32)[drawn].reshape(200, 10)
    prior = {"name": "categorical", "classes": 5, "learned": True}
    fitted = priorkit.fit_prior(codes, prior, device="cpu", steps=200, learning_rate=0.02, out=tmp_path / "prior")
    never = np.eye(5)[[4, 4]].reshape(1, 10)
    assert fitted.log_prob(codes).isfinite().all()
    assert -math.inf < fitted.log_prob(never).item() < fitted.log_prob(codes).min().item() - 2
    assert set(fitted.sample(50).unique().tolist()) == {0.0, 1.0}
    loaded = priorkit.FittedPrior.load(tmp_path / "prior", device="cpu")
    assert torch.equal(loaded.log_prob(never), fitted.log_prob(never))
    with pytest.raises(ConfigurationError, match="a code of 10 entries cannot be divided into groups of 4 classes"):
        priorkit.fit_prior(codes, {**prior, "classes": 4}, device="cpu")


def test_codes_of_a_sphere_are_not_stretched(make_registry: Any, make_component: Any) -> None:
    registry = make_registry([("prior", make_component("sphere", lambda _, context: OnSphere(context.code_dim)))])
    sphere = CODES / np.linalg.norm(CODES, axis=1, keepdims=True)
    fitted = priorkit.fit_prior(sphere, "sphere", registry=registry, device="cpu", steps=2)
    assert torch.allclose(fitted.sample(5).norm(dim=1), torch.ones(5, dtype=torch.float64), atol=1e-5)
    with pytest.raises(ConfigurationError, match=r"--prior sphere: its codes lie on or in the unit sphere, but row 0"):
        priorkit.fit_prior(CODES, "sphere", registry=registry, device="cpu")


def test_small_data_have_small_batches() -> None:
    assert prepare_code_fit(CODES, {"prior": FLOW_MATCHING, "device": "cpu"}).config.batch_size == 30


@pytest.mark.parametrize(
    ("changes", "conditions", "told"),
    [
        (
            {"prior": "gaussian"},
            None,
            "--prior gaussian: it has nothing to learn; choose a prior that learns from",
        ),
        ({"prior": "mixture"}, None, "--prior mixture --prior.em"),
        ({"prior": "learned"}, None, "--prior learned: it learns by fooling an image discriminator"),
        ({"prior": "vampprior"}, None, "--prior vampprior: it is made of an encoder; given codes have none"),
        ({"prior": "nothing"}, None, "unknown prior 'nothing'"),
        ({"prior": {"name": "flow-matching", "hiden": 3}}, None, "has no option 'hiden'"),
        ({"batch_size": 31}, None, "--batch-size 31 is more than the 30 codes; use at most --batch-size 30"),
        ({"networks": "mlp"}, None, "--networks: a fit to given codes has no images and no autoencoder"),
        ({"stages": "all:3"}, None, "--stages: a fit to given codes has no images"),
        ({"step": 3}, None, "no option 'step'"),
        ({"prior": "full-gaussian"}, CLASSES, "--prior full-gaussian: its codes do not depend on a condition"),
        ({"condition": "labels"}, None, "--condition labels: the codes come without conditions"),
        (
            {"condition": "embedding"},
            CLASSES,
            "--condition embedding: the codes come with classes; use",
        ),
        ({"condition": "categorical"}, CLASSES, "--condition categorical: it is drawn at random"),
        (
            {"prior": {"name": "full-gaussian", "ridge": 0}},
            "few",
            "the covariance of 3 codes of 4 dimensions is",
        ),
    ],
)
def test_what_cannot_be_fitted_is_refused_in_one_line(changes: Any, conditions: Any, told: str, tmp_path: Path) -> None:
    few = conditions is not None and isinstance(conditions, str)
    codes = CODES[:3] if few else CODES
    with pytest.raises(ConfigurationError, match=re.escape(told)) as caught:
        prepare_code_fit(
            codes,
            {"device": "cpu", **changes},
            conditions=None if few else conditions,
            out=tmp_path / "prior",
        ).run()
    assert "\n" not in str(caught.value)


def test_priors_of_others_are_held_to_their_contract(make_registry: Any, make_component: Any, tmp_path: Path) -> None:
    refusing = registry_with(make_registry, make_component, ValueError("codes of at least 9 dimensions, please"))
    with pytest.raises(ConfigurationError, match="--prior normed: codes of at least 9 dimensions, please"):
        priorkit.fit_prior(CODES, "normed", registry=refusing, device="cpu")
    failing = registry_with(make_registry, make_component, RuntimeError("oh"))
    with pytest.raises(PluginError, match=r"priorkit-tests 1\.0.*it failed in step 1"):
        priorkit.fit_prior(CODES, "normed", registry=failing, device="cpu")


def test_a_fit_that_diverges_keeps_the_checkpoint_before(tmp_path: Path) -> None:
    with pytest.raises(
        NonFiniteLossError, match=r"at step \d: training diverged; try another fit with a lower --learn"
    ):
        priorkit.fit_prior(
            CODES, "flow", out=tmp_path / "prior", device="cpu", steps=9, learning_rate=1e30, log_every=1
        )
    assert FittedPrior.load(tmp_path / "prior").steps == 0


def test_where_the_last_checkpoint_is_damaged_the_one_before_is_used(tmp_path: Path) -> None:
    path = tmp_path / "prior"
    priorkit.fit_prior(CODES, "flow", out=path, device="cpu", steps=4, checkpoint_every=2)
    whole = weights_of(path)
    file = PriorFolder.open(path).checkpoints.path() / "state.pt"
    content = file.read_bytes()
    file.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    # What is damaged is of interest to who goes on, not to who draws.
    assert FittedPrior.load(path, device="cpu").steps == 4
    with pytest.warns(RunFolderWarning, match=r"state\.pt.* damaged.* step-00000002, the checkpoint before it"):
        fitting = prepare_resumed_fit(path, codes=CODES)
    assert fitting.fit.steps == 2
    fitting.run()
    assert all(torch.equal(value, whole[key]) for key, value in weights_of(path).items())


def test_a_fit_that_cannot_be_begun_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*arguments: Any, **options: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("priorkit.engine.checkpoints.write_checkpoint", full)
    for name in ("new", "empty"):
        (tmp_path / "empty").mkdir(exist_ok=True)
        with pytest.raises(RunFolderError, match="No space left on device; free some space"):
            priorkit.fit_prior(CODES, out=tmp_path / name, **SMALL)
        assert [str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*")] == ["empty"]


def test_a_folder_is_never_overwritten(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/file").touch()
    with pytest.raises(RunFolderError, match="already exists and is left as it is"):
        priorkit.fit_prior(CODES, out=tmp_path / "mine", **SMALL)
    assert [item.name for item in (tmp_path / "mine").iterdir()] == ["file"]


@pytest.fixture(scope="module")
def prior_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("priors") / "prior"
    priorkit.fit_prior(CODES, conditions=CLASSES, out=path, **SMALL)
    return path


@pytest.mark.parametrize(
    ("changes", "given", "told"),
    [
        ({}, (CODES, CLASSES), "has reached its limit (8 steps); prolong it, as by --steps 16"),
        ({"steps": 5}, (CODES, CLASSES), "has reached its limit (8 steps)"),
        ({"steps": 9}, (CODES + 1, CLASSES), "these are not the codes that"),
        ({"steps": 9}, (CODES, (CLASSES + 1) % 3), "or their conditions differ"),
        ({"steps": 9}, (None, None), "was fitted to codes that came from no file; give the same codes by --codes"),
        ({"batch_size": 3}, (CODES, CLASSES), "--batch-size: --resume keeps the fit's configuration"),
    ],
)
def test_what_would_be_another_fit_is_no_going_on(changes: Any, given: Any, told: str, prior_path: Path) -> None:
    before = {file: file.read_bytes() for file in prior_path.rglob("*") if file.is_file()}
    with pytest.raises(ConfigurationError, match=re.escape(told)):
        prepare_resumed_fit(prior_path, changes, codes=given[0], conditions=given[1])
    assert before == {file: file.read_bytes() for file in prior_path.rglob("*") if file.is_file()}


def test_two_processes_do_not_go_on_with_one_fit(prior_path: Path) -> None:
    prepared = prepare_resumed_fit(prior_path, {"steps": 9}, codes=CODES, conditions=CLASSES)
    with training_lock(prior_path), pytest.raises(RunFolderError, match="another process is training"):
        prepared.run()


def test_a_fit_in_closed_form_has_one_step(tmp_path: Path) -> None:
    assert priorkit.fit_prior(CODES, "full-gaussian", out=tmp_path / "prior", device="cpu", steps=50).steps == 1
    with pytest.raises(ConfigurationError, match="its prior was fitted to all codes at once"):
        prepare_resumed_fit(tmp_path / "prior", {"steps": 60}, codes=CODES)


def rates_of(fitting: CodeFitting) -> list[float]:
    """The learning rates of the steps that a fit takes, and it takes them."""
    rates: list[float] = []

    class Noting(Stopping):
        def stepped(self, session: CodeFit) -> None:
            rates.extend(group["lr"] for group in session.engine.optimizers["prior"].param_groups)
            super().stepped(session)

    fitting.run([Noting(100)])
    return rates


SCHEDULED = {**SMALL, "learning_rate": 0.5, "lr_schedule": {"name": "cosine", "warm_up": 2}}


def test_learning_rates_follow_torchs_schedule() -> None:
    parameter = nn.Parameter(torch.zeros(()))
    optimizer = torch.optim.SGD([parameter], lr=0.5)
    cosine = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 6)
    expected = [0.25, 0.5]
    for _ in range(6):
        expected.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        cosine.step()
    assert rates_of(prepare_code_fit(CODES, SCHEDULED)) == pytest.approx(expected)
    assert rates_of(prepare_code_fit(CODES, {**SCHEDULED, "lr_schedule": "constant"})) == [0.5] * 8


def test_a_schedule_goes_on_where_it_was(tmp_path: Path) -> None:
    whole = rates_of(prepare_code_fit(CODES, SCHEDULED, out=tmp_path / "whole"))
    prepare_code_fit(CODES, {**SCHEDULED, "checkpoint_every": 2}, out=tmp_path / "stopped").run([Stopping(5)])
    going_on = prepare_resumed_fit(tmp_path / "stopped", codes=CODES)
    assert going_on.config.lr_schedule == LRSchedule(name="cosine", warm_up=2)
    assert rates_of(going_on) == whole[5:]
    first, second = weights_of(tmp_path / "whole"), weights_of(tmp_path / "stopped")
    assert all(torch.equal(first[key], second[key]) for key in first)
    # A fit in closed form has no learning rates.
    priorkit.fit_prior(CODES, "full-gaussian", lr_schedule={"name": "cosine", "warm_up": 2}, device="cpu")


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"steps": None, "max_time": 1.0}, "--lr-schedule cosine: learning rates fall over the run's length"),
        ({"steps": 2}, "--lr-schedule cosine: a warm-up of 2 steps leaves nothing of a stage of 2"),
    ],
)
def test_a_schedule_that_cannot_be_followed_is_refused(changes: Any, told: str) -> None:
    with pytest.raises(ConfigurationError, match=re.escape(told)):
        prepare_code_fit(CODES, {**SCHEDULED, **changes})
