"""The prior `kde`."""

from collections.abc import Callable
from typing import Any

import pytest
import scipy.stats
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KernelDensity
from torch import Tensor
from torch.distributions import Categorical, Independent, MixtureSameFamily, Normal

from priorkit.interfaces import Learning
from priorkit.plugins import PriorContext
from priorkit.training import Session
from priorkit_plugins.kde import KdeOptions, priorkit_priors
from priorkit_plugins.kde.bandwidth import likeliest_bandwidth, scott, silverman
from priorkit_plugins.kde.prior import KdePrior


def codes(n: int, code_dim: int, seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    scale = 0.1 + torch.rand(code_dim, generator=generator)
    return torch.randn(n, code_dim, generator=generator) * scale + torch.randn(code_dim, generator=generator)


def fitted(code: Tensor, condition: Tensor | None = None, count: int | None = None, **options: Any) -> KdePrior:
    classes = 0 if condition is None else condition.shape[1]
    prior = KdePrior(code.shape[1], count or len(code), classes, **options)
    noise = prior.code_noise(len(code), generator=torch.Generator().manual_seed(0))
    prior.fit_codes(code, noise, condition)
    return prior


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 2**32 - 1), code_dim=st.integers(1, 6), bandwidth=st.floats(0.05, 2.0))
def test_its_density_is_that_of_a_mixture(seed: int, code_dim: int, bandwidth: float) -> None:
    code, others = codes(120, code_dim, seed).split([100, 20])
    prior = fitted(code, bandwidth=bandwidth)
    exact = code.double()
    kernels = Independent(Normal(exact, (bandwidth * exact.std(0, correction=0)).expand_as(exact)), 1)
    reference = MixtureSameFamily(Categorical(torch.ones(100)), kernels)
    torch.testing.assert_close(
        prior.log_prob(others).double(), reference.log_prob(others.double()), rtol=1e-3, atol=0.01
    )


def test_its_density_is_that_of_scikit_learn() -> None:
    code = codes(100, 3, 0)
    deviation = code.double().std(0, correction=0)
    reference = KernelDensity(bandwidth=0.5).fit((code.double() / deviation).numpy())
    expected = torch.from_numpy(reference.score_samples((code.double() / deviation).numpy())) - deviation.log().sum()
    torch.testing.assert_close(fitted(code, bandwidth=0.5).log_prob(code).double(), expected, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize(("rule", "name"), [("scott", "scott"), ("silverman", "silverman")])
def test_its_rules_are_those_of_scipy(rule: Any, name: str) -> None:
    code = codes(50, 1, 0)
    prior = fitted(code, rule=rule)
    # scipy divides variances by n - 1.
    reference = scipy.stats.gaussian_kde(code[:, 0].numpy(), bw_method=name)
    assert float(prior.bandwidth) == pytest.approx(reference.factor)
    expected = torch.from_numpy(reference.logpdf(code[:, 0].numpy())).float()
    torch.testing.assert_close(prior.log_prob(code), expected, rtol=0.02, atol=0.02)
    wide = scipy.stats.gaussian_kde(codes(50, 4, 0).T.numpy(), bw_method=name)
    assert {"scott": scott, "silverman": silverman}[rule](50, 4) == pytest.approx(wide.factor)


def test_the_likeliest_bandwidth_is_that_of_a_search() -> None:
    code = codes(300, 2, 1)
    code = code / code.std(0)
    found = likeliest_bandwidth(code)
    grid = {"bandwidth": [found / 1.5, found / 1.16, found, found * 1.16, found * 1.5]}
    split = [(range(30, 300), range(30))]
    assert GridSearchCV(KernelDensity(), grid, cv=split).fit(code.numpy()).best_params_["bandwidth"] == found
    # Two narrow groups: a formula for normal codes is too wide.
    groups = 0.01 * code + torch.arange(300)[:, None] % 2
    assert likeliest_bandwidth(groups) < 0.1 < scott(300, 2)


@settings(deadline=None, max_examples=10)
@given(seed=st.integers(0, 2**32 - 1))
def test_samples_lie_around_exemplars(seed: int) -> None:
    code = codes(20, 3, seed)
    prior = fitted(code, bandwidth=1e-4)
    drawn = prior.sample(200, generator=torch.Generator().manual_seed(seed))
    nearest = torch.cdist(drawn, code).min(dim=1)
    assert float(nearest.values.max()) < 0.01
    counts = torch.bincount(nearest.indices, minlength=20)
    assert scipy.stats.chisquare(counts).pvalue > 1e-8


def test_the_bandwidth_of_classes_is_found_within_each() -> None:
    code = codes(60, 2, 0)
    condition = torch.eye(2)[(code[:, 0] > code[:, 0].median()).long()]
    prior = fitted(code, condition)
    picked = prior.code_noise(60, generator=torch.Generator().manual_seed(0))[:, 0].argsort()
    standard = ((code - code.mean(0)) / code.std(0, correction=0))[picked]
    within = likeliest_bandwidth(standard, condition.argmax(1)[picked])
    assert float(prior.bandwidth) == pytest.approx(within)
    assert float(prior.bandwidth) != pytest.approx(likeliest_bandwidth(standard, None))


def test_samples_are_as_wide_as_kernels_say() -> None:
    code = codes(500, 2, 0)
    drawn = fitted(code, bandwidth=0.5).sample(40_000, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(drawn.mean(0), code.mean(0), rtol=0, atol=0.02)
    expected = code.std(0, correction=0) * (1 + 0.5**2) ** 0.5
    torch.testing.assert_close(drawn.std(0), expected, rtol=0.02, atol=0)


def test_each_class_has_exemplars_of_its_own() -> None:
    code = codes(60, 2, 0)
    labels = (torch.arange(60) % 4).clamp(max=2)
    code = code + 20.0 * labels[:, None]
    condition = torch.nn.functional.one_hot(labels, 3).float()
    prior = fitted(code, condition, bandwidth=0.1)
    assert prior.takes_condition
    drawn = prior.sample(60, condition=condition, generator=torch.Generator().manual_seed(0))
    assert torch.equal(torch.cdist(drawn, code).argmin(1).remainder(4).clamp(max=2), labels)
    whole = fitted(code, bandwidth=0.1)
    torch.testing.assert_close(prior.log_prob(code), whole.log_prob(code), rtol=1e-4, atol=1e-4)
    # Classes lie far apart, so that p(code) = p(s) p(code | s).
    shares = torch.tensor([0.25, 0.25, 0.5])[labels]
    given = prior.log_prob(code, condition)
    torch.testing.assert_close(given + shares.log(), prior.log_prob(code), rtol=1e-4, atol=1e-4)
    assert (prior.log_prob(code, condition.roll(1, 0)) < given - 100).sum() > 40


def test_a_subset_is_picked_by_the_noise() -> None:
    code = codes(50, 2, 0)
    prior = fitted(code, count=10, bandwidth=1e-3)
    kept = prior.mean + prior.deviation * prior.exemplars
    assert len(torch.cdist(kept, code).argmin(1).unique()) == 10
    torch.testing.assert_close(torch.cdist(kept, code).min(1).values, torch.zeros(10), rtol=0, atol=1e-3)
    other = KdePrior(2, 10)
    other.fit_codes(code, other.code_noise(50, generator=torch.Generator().manual_seed(1)))
    assert not torch.equal(other.exemplars, prior.exemplars)


def test_codes_that_cannot_be_fitted() -> None:
    with pytest.raises(ValueError, match=r"^10 kernels need at least 10 codes, and there are 5; use fewer"):
        fitted(codes(5, 2, 0), count=10)
    with pytest.raises(ValueError, match=r"^the codes of all training images are the same; train"):
        fitted(torch.ones(5, 2))
    with pytest.raises(ValueError, match=r"^class 1 has none of the 5 kernels; use more --prior\.kernels"):
        fitted(codes(5, 2, 0), torch.eye(2)[[0] * 5])


def make(train_count: int, **options: Any) -> KdePrior:
    (component,) = priorkit_priors()
    context = PriorContext(2, lambda noise_dim, condition_dim: pytest.fail("no code generator"), 0, None, None, 7)
    prior = component.build(KdeOptions(**options), context)
    assert isinstance(prior, KdePrior)
    return prior


def test_its_size_is_that_of_the_training_images() -> None:
    assert make(7).exemplars.shape == (7, 2)
    assert make(7, kernels=3).exemplars.shape == (3, 2)
    assert make(7).learning is Learning.ALL_CODES
    with pytest.raises(ValueError, match=r"^there are 7 training images, too few for 8 kernels; use --prior\.kernels"):
        make(7, kernels=8)


def test_a_stage_fits_it(tiny_session: Callable[..., Session]) -> None:
    session = tiny_session("aae", prior="kde", stages="autoencoder:2,code-fitting:1", loss="pixel")
    for _ in range(3):
        session.step()
    prior = session.model.prior
    assert isinstance(prior, KdePrior)
    pixels = session.data.train.take(torch.arange(len(session.data.train)))
    found = session.model.encode(pixels.float() / 127.5 - 1)
    kept = prior.mean + prior.deviation * prior.exemplars
    torch.testing.assert_close(kept.sort(0).values, found.sort(0).values, rtol=1e-3, atol=1e-3)
