"""Priors that were fitted to given codes, in use."""

import copy
import json
import pickle
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.stats import multivariate_normal
from torch import Tensor, nn

import priorkit
from priorkit.codes import FittedPrior, prepare_resumed_fit
from priorkit.errors import ConfigurationError, RunFolderError
from priorkit.interfaces import CodeKind, Learning, Prior
from priorkit.registry import Registry

SMALL: dict[str, Any] = {"device": "cpu", "steps": 2, "batch_size": 8}
CODES = np.random.default_rng(0).normal(size=(60, 3)) @ np.array([[2.0, 0, 0], [1, 0.5, 0], [0, 0, 1]]) + [1, -1, 5]
FLOW_MATCHING = {"name": "flow-matching", "hidden": 8, "layers": 1, "steps": 1}
FLOW = {"name": "flow", "hidden": (8,), "transforms": 1}
CLASSES = np.array(["left", "right", "up"])[np.arange(60) % 3]


class CountedIndices(Prior):
    """Independent entries, as often as they are counted at their places."""

    kinds = (CodeKind.INDICES,)
    learning = Learning.ALL_CODES
    has_density = True

    def __init__(self, code_dim: int, entries: int) -> None:
        super().__init__()
        self.code_dim = code_dim
        self.register_buffer("shares", torch.full((code_dim, entries), 1 / entries))

    def noise(self, n: int, *, generator: Any = None, device: Any = None) -> Tensor:
        return torch.rand(n, self.code_dim, generator=generator, device=device)

    def forward(self, noise: Tensor, condition: Tensor | None = None) -> Tensor:
        below = noise[..., None] > self.shares.cumsum(1)
        return below.sum(2).clamp(max=self.shares.shape[1] - 1)

    def log_prob(self, code: Tensor, condition: Tensor | None = None) -> Tensor:
        found: Tensor = self.shares.log()[torch.arange(self.code_dim), code].sum(1)
        return found

    def fit_codes(self, code: Tensor, noise: Tensor, condition: Tensor | None = None) -> None:
        self.shares.copy_(nn.functional.one_hot(code, self.shares.shape[1]).float().mean(0))


@pytest.fixture(scope="module")
def counting(make_registry: Any, make_component: Any) -> Registry:
    build = lambda options, context: CountedIndices(context.code_dim, context.codes.entries)  # noqa: E731
    return make_registry([("prior", make_component("counted", build))])


def test_a_gaussian_is_scipys_whatever_the_scale_and_constants() -> None:
    for offset, size in ((0, 1), (1e6, 1e6), (1e6, 1e-3), (-3, 1e-6)):
        codes = np.insert(offset + size * CODES, 1, 7.0, axis=1)
        fitted = priorkit.fit_prior(codes, {"name": "full-gaussian", "ridge": 0}, device="cpu")
        varying = codes[:, [0, 2, 3]]
        expected = multivariate_normal(varying.mean(0), np.cov(varying.T, bias=True), allow_singular=True)
        assert np.allclose(fitted.log_prob(codes).numpy(), expected.logpdf(varying), atol=1e-3)
        samples = fitted.sample(4000)
        assert (samples.dtype, samples.shape) == (torch.float64, (4000, 4))
        assert (samples[:, 1] == 7).all()
        assert np.allclose(samples.numpy()[:, [0, 2, 3]].std(0), varying.std(0), rtol=0.1)


@pytest.mark.parametrize("prior", [FLOW_MATCHING, FLOW, "full-gaussian", {"name": "mixture", "learned": True}], ids=str)
def test_what_is_saved_is_what_was_fitted(prior: Any, tmp_path: Path) -> None:
    fitted = priorkit.fit_prior(CODES.astype(np.float32), prior, **SMALL)
    fitted.save(tmp_path / "prior")
    again = FittedPrior.load(tmp_path / "prior", device="cpu")
    for other in (again, pickle.loads(pickle.dumps(fitted)), copy.deepcopy(fitted)):
        assert torch.equal(other.sample(9), fitted.sample(9))
        assert other.steps == fitted.steps
        if fitted.has_density:
            assert torch.equal(other.log_prob(CODES), fitted.log_prob(CODES))
    assert fitted.sample(9).dtype == torch.float32
    assert (tmp_path / "prior/prior.toml").read_text().startswith("batch_size = 8")
    with pytest.raises(RunFolderError, match="already exists"):
        fitted.save(tmp_path / "prior")


def test_the_same_seed_gives_the_same_however_many_are_drawn() -> None:
    fitted = priorkit.fit_prior(CODES, FLOW, conditions=CLASSES, **SMALL)
    many, names = fitted.sample_with_conditions(600, seed=3)
    few, few_names = fitted.sample_with_conditions(7, seed=3)
    assert names is not None
    assert few_names is not None
    # Rounding differs with the size of a batch.
    assert torch.allclose(many[:7], few, atol=1e-5)
    assert (names[:7] == few_names).all()
    assert not torch.allclose(fitted.sample(7, seed=4), few)
    drawn = [fitted.sample(5, generator=torch.Generator().manual_seed(1)) for _ in range(2)]
    assert torch.equal(*drawn)
    assert set(names) == set(CLASSES)


def test_a_density_of_classes_sums_over_them_by_their_shares() -> None:
    fitted = priorkit.fit_prior(CODES[:50], FLOW, conditions=CLASSES[:50], **SMALL)
    assert fitted.classes == ("left", "right", "up")
    shares = torch.tensor([17, 17, 16]) / 50
    each = torch.stack([fitted.log_prob(CODES, name) for name in fitted.classes])
    expected = torch.logsumexp(each + shares.log()[:, None].double(), 0)
    assert torch.allclose(fitted.log_prob(CODES), expected, atol=1e-6)
    assert torch.equal(fitted.log_prob(CODES, CLASSES)[:3], each[[0, 1, 2], [0, 1, 2]])


def test_vectors_condition_in_their_own_scale() -> None:
    vectors = np.stack([1e6 + np.arange(60), np.full(60, 3.0)], axis=1)
    fitted = priorkit.fit_prior(CODES, FLOW, conditions=vectors, **SMALL)
    _, drawn = fitted.sample_with_conditions(5)
    assert drawn is not None
    assert np.allclose(drawn[:, 1], 3)
    assert ((drawn[:, 0] > 1e6 - 1) & (drawn[:, 0] < 1e6 + 60)).all()
    one = fitted.sample(2, vectors[4])
    assert torch.equal(one, fitted.sample(2, vectors[[4, 4]]))
    with pytest.raises(ConfigurationError, match="a density for each vector"):
        fitted.log_prob(CODES)
    for wrong in (vectors, [1.0], "left"):
        with pytest.raises(ConfigurationError, match="the condition"):
            fitted.sample(2, wrong)


def test_what_cannot_be_sampled_or_scored_is_refused() -> None:
    fitted = priorkit.fit_prior(CODES, FLOW_MATCHING, conditions=CLASSES, **SMALL)
    for asked, told in (
        ({"condition": "down"}, "there is no class 'down'; the classes are left, right, up"),
        ({"condition": ["left"]}, "one class, or 3 of them, but its shape is (1,)"),
    ):
        with pytest.raises(ConfigurationError, match=re.escape(told)):
            fitted.sample(3, **asked)
    with pytest.raises(ValueError, match="n must be at least 1, not 0"):
        fitted.sample(0)
    with pytest.raises(TypeError, match="flow-matching has no density"):
        fitted.log_prob(CODES)
    plain = priorkit.fit_prior(CODES, "full-gaussian", device="cpu")
    with pytest.raises(ConfigurationError, match="has no condition"):
        plain.sample(3, "left")
    for codes, told in ((CODES[:, :2], "(N, 3)"), (CODES[0], "(N, 3)"), (CODES * np.nan, "is nan"), ("x", "texts")):
        with pytest.raises(ConfigurationError, match=re.escape(told)):
            plain.log_prob(codes)


def test_maps_come_back_as_maps() -> None:
    maps = np.random.default_rng(1).normal(size=(40, 2, 2, 2)).astype(np.float32)
    fitted = priorkit.fit_prior(maps, "full-gaussian", device="cpu")
    assert fitted.sample(5).shape == (5, 2, 2, 2)
    assert fitted.log_prob(maps).shape == (40,)


@pytest.mark.parametrize("shape", [(40, 2, 3), (40, 6)])
def test_indices_come_back_as_indices(shape: tuple[int, ...], counting: Registry, tmp_path: Path) -> None:
    codes = np.random.default_rng(1).integers(0, 3, size=shape)
    fitted = priorkit.fit_prior(codes, "counted", entries=4, device="cpu", registry=counting)
    samples = fitted.sample(200)
    assert (samples.dtype, samples.shape[1:]) == (torch.int64, shape[1:])
    assert samples.max() == 2
    shares = np.stack([(codes == entry).mean(0) for entry in range(4)], -1).reshape(6, 4)
    expected = np.log(np.take_along_axis(shares[None], codes.reshape(40, 6, 1), 2)).sum((1, 2))
    assert np.allclose(fitted.log_prob(codes).numpy(), expected, atol=1e-5)
    fitted.save(tmp_path / "prior")
    assert torch.equal(FittedPrior.load(tmp_path / "prior", registry=counting).sample(9), samples[:9])
    with pytest.raises(ConfigurationError, match="indices from 0 to 3"):
        fitted.log_prob(codes + 2)


def test_a_mixture_says_which_part_a_code_is_from() -> None:
    fitted = priorkit.fit_prior(CODES, {"name": "mixture", "learned": True, "components": 4}, **SMALL)
    assert torch.allclose(fitted.responsibilities(CODES).sum(1), torch.ones(60))


def damage_record(path: Path, **changes: Any) -> None:
    file = path / "prior.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **changes}))


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"format": 99}, "was written by a newer priorkit (its format is 99, but this version reads up to 1)"),
        ({"codes": 3}, "cannot read"),
        ({"condition": {"classes": ["a", "b"], "shares": [0.5, 0.5]}}, "prior.toml has none"),
    ],
)
def test_a_damaged_folder_is_refused_in_one_line(changes: Any, told: str, tmp_path: Path) -> None:
    priorkit.fit_prior(CODES, "full-gaussian", device="cpu").save(tmp_path / "prior")
    damage_record(tmp_path / "prior", **changes)
    with pytest.raises(RunFolderError, match=re.escape(told)) as caught:
        FittedPrior.load(tmp_path / "prior")
    assert "\n" not in str(caught.value)


def test_what_is_no_prior_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RunFolderError, match="there is no such folder"):
        FittedPrior.load(tmp_path / "nowhere")
    with pytest.raises(RunFolderError, match=r"it has no prior\.json"):
        FittedPrior.load(tmp_path)
    fitted = priorkit.fit_prior(CODES, "full-gaussian", device="cpu")
    fitted.save(tmp_path / "prior")
    with pytest.raises(RunFolderError, match="is a prior that was fitted to given codes"):
        priorkit.load_run(tmp_path / "prior")
    with pytest.raises(RunFolderError, match=r"saved by FittedPrior\.save"):
        prepare_resumed_fit(tmp_path / "prior", {"steps": 5}, codes=CODES)


def test_what_the_program_around_has_chosen_in_torch_changes_nothing() -> None:
    expected = priorkit.fit_prior(CODES, FLOW, **SMALL)
    samples, density = expected.sample(5), expected.log_prob(CODES)
    torch.set_default_dtype(torch.float64)
    try:
        with torch.no_grad():
            prior = priorkit.fit_prior(CODES, FLOW, **SMALL)
            found = prior.sample(5), prior.log_prob(CODES)
    finally:
        torch.set_default_dtype(torch.float32)
    assert torch.equal(found[0], samples)
    assert torch.equal(found[1], density)
