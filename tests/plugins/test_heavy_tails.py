"""The priors and encoders `laplace` and `logistic`."""

from typing import Any

import pytest
import scipy.stats
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from torch import nn
from torch.distributions import Normal, kl_divergence

from priorkit.interfaces import Prior
from priorkit.plugins import PriorContext
from priorkit_plugins.gaussian.prior import GaussianPrior
from priorkit_plugins.heavy_tails import HeavyTailedEncoderOptions, HeavyTailedPriorOptions, priorkit_priors
from priorkit_plugins.heavy_tails.encoder import HeavyTailedEncoder
from priorkit_plugins.heavy_tails.laws import LaplaceLaw, Law, LogisticLaw
from priorkit_plugins.kl.regularizer import KLRegularizer

LAWS = {"laplace": (LaplaceLaw(), scipy.stats.laplace), "logistic": (LogisticLaw(), scipy.stats.logistic)}
each_law = pytest.mark.parametrize("name", LAWS)
seeds = st.integers(0, 2**63 - 1)


def make(name: str, code_dim: int = 3, **options: float) -> Prior:
    [component] = [item for item in priorkit_priors() if item.name == name]
    return component.build(HeavyTailedPriorOptions(**options), PriorContext(code_dim, None))  # type: ignore[arg-type]


def encoder_of(law: Law, code_dim: int) -> HeavyTailedEncoder:
    return HeavyTailedEncoder(law, nn.Identity(), code_dim, log_scales=(-1e3, 1e3))


@each_law
@settings(deadline=None, max_examples=20)
@given(code_dim=st.integers(1, 6), location=st.floats(-3, 3), scale=st.floats(0.2, 4), seed=seeds)
def test_draws_and_densities_are_those_of_scipy(
    name: str, code_dim: int, location: float, scale: float, seed: int
) -> None:
    prior, law = make(name, code_dim, location=location, scale=scale), LAWS[name][1](location, scale)
    noise = prior.noise(5, generator=torch.Generator().manual_seed(seed))
    codes = prior(noise)
    expected = torch.from_numpy(law.ppf(scipy.stats.norm.cdf(noise.double())))
    torch.testing.assert_close(codes.double(), expected, rtol=1e-4, atol=1e-4)
    densities = torch.from_numpy(law.logpdf(codes.double())).sum(1)
    torch.testing.assert_close(prior.log_prob(codes).double(), densities, rtol=1e-4, atol=1e-4)


@each_law
def test_tails_keep_their_digits(name: str) -> None:
    noise = torch.tensor([-6.0, -1e-4, 0.0, 1e-4, 6.0])
    law = LAWS[name][1]
    # On either side, the quantile is that of the nearer tail.
    expected = torch.from_numpy(law.ppf(scipy.stats.norm.cdf(-noise.abs().double()))) * -noise.sign()
    torch.testing.assert_close(LAWS[name][0].draw(noise).double(), expected.double(), rtol=1e-4, atol=1e-6)


@each_law
@settings(deadline=None, max_examples=20)
@given(seed=seeds)
def test_a_posterior_has_the_density_of_its_draw(name: str, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    parameters, noise = torch.randn(4, 6, generator=generator), torch.randn(4, 3, generator=generator)
    posterior = encoder_of(LAWS[name][0], 3)(parameters, noise)
    law = LAWS[name][1](parameters[:, :3], parameters[:, 3:].exp())
    assert posterior.log_prob is not None
    expected = torch.from_numpy(law.logpdf(posterior.code.double())).sum(1)
    torch.testing.assert_close(posterior.log_prob.double(), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("target", [make("laplace", 2, location=0.3, scale=1.5), GaussianPrior(2, 0.3, 1.5)])
def test_the_divergence_of_a_laplace_posterior_has_a_formula_and_the_estimate_agrees(target: Prior) -> None:
    noise = torch.randn(40_000, 2, generator=torch.Generator().manual_seed(0))
    posterior = encoder_of(LaplaceLaw(), 2)(torch.tensor([0.5, -1.0, -0.7, 0.2]).expand(len(noise), -1), noise)
    assert posterior.log_prob is not None
    found = KLRegularizer().encoder_terms(posterior, target, noise)["regularization"]
    estimates = posterior.log_prob - target.log_prob(posterior.code)
    assert abs(float(estimates.mean() - found)) < 6 * float(estimates.std()) / len(noise) ** 0.5 + 1e-4
    # In closed form: a draw has no part in it.
    again = encoder_of(LaplaceLaw(), 2)(torch.tensor([[0.5, -1.0, -0.7, 0.2]]), noise[:1])
    torch.testing.assert_close(KLRegularizer().encoder_terms(again, target, noise)["regularization"], found)
    assert again.distribution is not None
    torch.testing.assert_close(kl_divergence(again.distribution, target.distribution())[0], found)


def test_logistic_divergences_are_estimated() -> None:
    posterior = encoder_of(LogisticLaw(), 2)(torch.zeros(3, 4), torch.ones(3, 2))
    prior = make("logistic", 2)
    assert posterior.log_prob is not None
    with pytest.raises(TypeError):
        prior.distribution()
    found = KLRegularizer().encoder_terms(posterior, prior, posterior.code)["regularization"]
    torch.testing.assert_close(found, torch.zeros(()), rtol=0, atol=1e-5)


@each_law
def test_quantiles_are_those_of_the_noise(name: str) -> None:
    noise = torch.randn(20_000, generator=torch.Generator().manual_seed(0))
    drawn = LAWS[name][0].draw(noise).double().numpy()
    assert scipy.stats.kstest(LAWS[name][1].cdf(drawn), "uniform").pvalue > 1e-8
    torch.testing.assert_close(
        torch.from_numpy(LAWS[name][1].cdf(drawn)), Normal(0.0, 1.0).cdf(noise.double()), rtol=1e-3, atol=1e-6
    )


@pytest.mark.parametrize("options", [{"scale": 0}, {"scale": -1}, {"std": 1}])
def test_bad_options(options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        HeavyTailedPriorOptions.model_validate(options)


def test_an_empty_range_is_refused() -> None:
    with pytest.raises(ValidationError, match=r"min_log_scale is 1.0 .* below the maximum"):
        HeavyTailedEncoderOptions(min_log_scale=1.0, max_log_scale=0.0)
