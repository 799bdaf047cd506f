"""The prior `gaussian`."""

import math
from typing import Any

import numpy as np
import pytest
import scipy.stats
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from torch import Tensor

from priorkit.interfaces import Learning, Prior
from priorkit.plugins import PriorContext
from priorkit_plugins.gaussian import GaussianOptions, priorkit_priors

seeds = st.integers(0, 2**63 - 1)
means = st.floats(-3, 3, width=32)
stds = st.floats(0.125, 8, width=32)


def no_code_generator(noise_dim: int, condition_dim: int) -> Any:
    raise AssertionError("this prior has no network")


def make(code_dim: int = 3, **options: float) -> Prior:
    (component,) = priorkit_priors()
    assert component.name == "gaussian"
    return component.build(GaussianOptions(**options), PriorContext(code_dim, no_code_generator))


def draw(prior: Prior, n: int, seed: int) -> Tensor:
    return prior.sample(n, generator=torch.Generator().manual_seed(seed))


@settings(deadline=None, max_examples=50)
@given(n=st.integers(1, 6), code_dim=st.integers(1, 70), mean=means, std=stds, seed=seeds)
def test_the_density_is_that_of_scipy(n: int, code_dim: int, mean: float, std: float, seed: int) -> None:
    prior = make(code_dim, mean=mean, std=std)
    # Wider than the prior, so that the tails count.
    codes = mean + 2 * std * torch.randn(n, code_dim, generator=torch.Generator().manual_seed(seed))
    expected = scipy.stats.norm(mean, std).logpdf(codes.double().numpy()).sum(1)
    found = prior.log_prob(codes)
    assert found.shape == (n,)
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-5, atol=1e-4 * code_dim)


@settings(deadline=None, max_examples=20)
@given(code_dim=st.integers(1, 9), mean=means, std=stds, seed=seeds)
def test_the_distribution_is_the_same_prior(code_dim: int, mean: float, std: float, seed: int) -> None:
    prior = make(code_dim, mean=mean, std=std)
    distribution = prior.distribution()
    assert distribution.event_shape == (code_dim,)
    assert distribution.batch_shape == ()
    torch.testing.assert_close(distribution.mean, torch.full((code_dim,), mean))
    torch.testing.assert_close(distribution.stddev, torch.full((code_dim,), std))
    codes = draw(prior, 5, seed)
    torch.testing.assert_close(distribution.log_prob(codes), prior.log_prob(codes))


@settings(deadline=None, max_examples=20)
@given(n=st.integers(1, 6), code_dim=st.integers(1, 9), mean=means, std=stds, seed=seeds)
def test_codes_are_scaled_and_shifted_noise(n: int, code_dim: int, mean: float, std: float, seed: int) -> None:
    prior = make(code_dim, mean=mean, std=std)
    noise = prior.noise(n, generator=torch.Generator().manual_seed(seed))
    assert noise.shape == (n, code_dim)
    assert noise.dtype == torch.float32
    torch.testing.assert_close(prior(noise), mean + std * noise)
    assert torch.equal(draw(prior, n, seed), prior(noise))


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("mean", "std"), [(0.0, 1.0), (-2.0, 0.5)])
def test_samples_have_the_distribution(seed: int, mean: float, std: float) -> None:
    n, code_dim = 20_000, 4
    standard = (draw(make(code_dim, mean=mean, std=std), n, seed).double() - mean) / std
    # Six standard errors: each comparison fails by chance once in 500 million seeds.
    assert standard.mean(0).abs().max() < 6 / math.sqrt(n)
    assert (standard.var(0) - 1).abs().max() < 6 * math.sqrt(2 / n)
    off_diagonal = torch.corrcoef(standard.T) - torch.eye(code_dim)
    assert off_diagonal.abs().max() < 6 / math.sqrt(n)
    assert scipy.stats.kstest(standard.flatten().numpy(), "norm").pvalue > 1e-8


@settings(deadline=None, max_examples=20)
@given(seed=seeds)
def test_the_generator_alone_decides(seed: int) -> None:
    prior = make()
    before = torch.get_rng_state()
    first, again, other = draw(prior, 4, seed), draw(prior, 4, seed), draw(prior, 4, seed ^ 1)
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_without_a_generator_torchs_own_decides() -> None:
    prior = make()
    with torch.random.fork_rng():
        torch.manual_seed(5)
        first, second = prior.sample(4), prior.sample(4)
        torch.manual_seed(5)
        assert torch.equal(prior.sample(4), first)
    assert not torch.equal(first, second)


def test_the_density_has_the_gradient_of_a_normal_distribution() -> None:
    code = torch.tensor([[1.0, -2.0, 0.5]], requires_grad=True)
    make(mean=1.0, std=2.0).log_prob(code).backward()
    torch.testing.assert_close(code.grad, torch.tensor([[0.0, 0.75, 0.125]]))


def test_there_is_nothing_to_learn() -> None:
    prior = make(7)
    assert prior.code_dim == 7
    assert prior.learning is Learning.FIXED
    assert prior.has_density
    assert list(prior.parameters()) == []


def test_a_saved_prior_is_restored() -> None:
    prior = make()
    prior.load_state_dict(make(mean=2.0, std=3.0).state_dict())
    assert torch.equal(draw(prior, 4, 0), draw(make(mean=2.0, std=3.0), 4, 0))


def test_by_default_it_is_standard_normal() -> None:
    torch.testing.assert_close(make(2).log_prob(torch.zeros(1, 2)), torch.tensor([-math.log(2 * math.pi)]))


@pytest.mark.parametrize("options", [{"std": 0}, {"std": -1}, {"std": "inf"}, {"mean": "nan"}, {"var": 1}])
def test_bad_options(options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        GaussianOptions.model_validate(options)


def test_samples_come_where_the_prior_is() -> None:
    prior = make(code_dim=3).to("meta")
    assert prior.sample(2).device.type == "meta"
