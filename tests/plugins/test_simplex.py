"""Encoders and priors on the simplex: `dirichlet` and `logistic-normal`."""

import math
from collections.abc import Callable
from typing import Any

import pytest
import scipy.stats
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from torch import Tensor, nn
from torch.distributions import Dirichlet, kl_divergence

from priorkit.errors import ConfigurationError
from priorkit.training import Session
from priorkit_plugins.kl.regularizer import KLRegularizer
from priorkit_plugins.simplex import DirichletEncoderOptions, DirichletPriorOptions, LogisticNormalEncoderOptions
from priorkit_plugins.simplex.densities import dirichlet_log_prob, log_entries, logistic_normal_log_prob
from priorkit_plugins.simplex.encoders import DirichletEncoder, LogisticNormalEncoder
from priorkit_plugins.simplex.priors import DirichletPrior, LogisticNormalPrior

seeds = st.integers(0, 2**63 - 1)


def normal(seed: int, *shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@settings(deadline=None, max_examples=20)
@given(dim=st.integers(2, 7), seed=seeds)
def test_the_dirichlet_density_is_torchs(dim: int, seed: int) -> None:
    concentration, code = normal(seed, 5, dim).exp(), normal(seed + 1, 5, dim).softmax(1)
    expected = Dirichlet(concentration).log_prob(code)
    torch.testing.assert_close(dirichlet_log_prob(code.log(), concentration), expected, rtol=1e-4, atol=1e-3)


@settings(deadline=None, max_examples=20)
@given(dim=st.integers(2, 5), seed=seeds)
def test_the_logistic_normal_density_is_that_of_normal_log_ratios(dim: int, seed: int) -> None:
    """Log-ratios to the last entry are normal, with a covariance that the last entry's variance is added to."""
    mean, log_variance, code = normal(seed, dim), normal(seed + 1, dim), normal(seed + 2, 4, dim).softmax(1)
    variance = log_variance.double().exp()
    covariance = torch.diag(variance[:-1]) + variance[-1]
    law = scipy.stats.multivariate_normal((mean[:-1] - mean[-1]).numpy(), covariance.numpy())
    ratios = (code[:, :-1] / code[:, -1:]).log().numpy()
    expected = torch.as_tensor(law.logpdf(ratios)).view(-1) - code.double().log().sum(1)
    found = logistic_normal_log_prob(code.log(), mean, log_variance)
    torch.testing.assert_close(found.double(), expected, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("concentration", [0.05, 0.98, 30.0])
def test_entries_of_dirichlet_codes_are_beta_numbers(concentration: float) -> None:
    prior = DirichletPrior(4, concentration)
    codes = prior.sample(10_000, generator=torch.Generator().manual_seed(0))
    law = scipy.stats.beta(concentration, 3 * concentration)
    # Entries that are too small for float32 are 0, all alike.
    probability = law.cdf(codes[:, 0].double().numpy())
    least = law.cdf(1e-35)
    probability = probability[probability > least]
    assert scipy.stats.kstest(probability, scipy.stats.uniform(least, 1 - least).cdf).pvalue > 1e-6
    assert len(probability) / len(codes) == pytest.approx(1 - least, abs=0.03)
    assert float(codes.double().mean(0).sub(0.25).abs().max()) < 6 * law.std() / 100
    assert float(codes[:, 0].double().std()) == pytest.approx(law.std(), rel=0.05)


def dirichlet_posterior(parameters: Tensor, noise: Tensor | None) -> Any:
    return DirichletEncoder(nn.Identity(), parameters.shape[1])(parameters, noise)


def test_draws_of_the_dirichlet_encoder_have_its_moments() -> None:
    n = 10_000
    parameters = torch.tensor([0.5, -0.4, 1.2])
    found = dirichlet_posterior(parameters.expand(n, -1), normal(0, n, 3))
    law = Dirichlet(found.distribution.concentration[0])
    torch.testing.assert_close(found.code.sum(1), torch.ones(n))
    assert bool(((found.code.mean(0) - law.mean).abs() < 6 * (law.variance / n).sqrt()).all())
    torch.testing.assert_close(found.code.var(0), law.variance, rtol=0.08, atol=0)
    torch.testing.assert_close(found.log_prob[:50], law.log_prob(found.code[:50]), rtol=1e-3, atol=1e-3)
    without = dirichlet_posterior(parameters[None], None)
    torch.testing.assert_close(without.code[0], law.mean)
    assert torch.equal(without.code, without.mean)


def test_gradients_of_a_mean_are_those_of_the_dirichlet_distribution() -> None:
    n, weights = 10_000, torch.tensor([1.0, -0.5, 0.2])
    parameters = torch.tensor([[0.5, -0.4, 1.2]]).expand(n, -1).clone().requires_grad_()
    found = dirichlet_posterior(parameters, normal(0, n, 3))
    [each] = torch.autograd.grad((found.code @ weights).sum(), parameters, retain_graph=True)
    expected = torch.autograd.grad((found.distribution.mean @ weights).sum(), parameters)[0][0]
    assert bool(((each.mean(0) - expected).abs() < 6 * each.std(0) / n**0.5 + 1e-5).all())


def test_the_divergence_of_a_dirichlet_is_closed_and_agrees_with_draws() -> None:
    n = 10_000
    found = dirichlet_posterior(torch.tensor([0.5, -0.4, 1.2]).expand(n, -1), normal(0, n, 3))
    prior = DirichletPrior(3, 0.98)
    closed = float(KLRegularizer().encoder_terms(found, prior, found.code)["regularization"])
    assert closed == pytest.approx(float(kl_divergence(found.distribution, prior.distribution())[0]), rel=1e-4)
    estimates = found.log_prob - prior.log_prob(found.code)
    assert abs(float(estimates.mean()) - closed) < 6 * float(estimates.std()) / n**0.5 + 1e-4


@settings(deadline=None, max_examples=20)
@given(dim=st.integers(2, 6), seed=seeds)
def test_posteriors_of_the_logistic_normal_encoder(dim: int, seed: int) -> None:
    parameters, noise = normal(seed, 4, 2 * dim), normal(seed + 1, 4, dim)
    encoder = LogisticNormalEncoder(nn.Identity(), dim, (-1e3, 1e3))
    found, without = encoder(parameters, noise), encoder(parameters)
    mean, log_variance = parameters.chunk(2, dim=1)
    torch.testing.assert_close(found.code, (mean + (0.5 * log_variance).exp() * noise).softmax(1))
    assert torch.equal(without.code, without.mean)
    expected = logistic_normal_log_prob(found.code.log(), mean, log_variance)
    torch.testing.assert_close(found.log_prob, expected, rtol=1e-3, atol=1e-2)


@pytest.mark.parametrize("prior", [DirichletPrior(3, 0.7), LogisticNormalPrior(3, 1.5)])
def test_densities_beside_the_simplex_are_0(prior: Any) -> None:
    codes = torch.tensor([[0.2, 0.3, 0.5], [0.2, 0.3, 0.6], [-0.2, 0.7, 0.5], [0.0, 0.4, 0.6]])
    found = prior.log_prob(codes)
    assert found.isfinite().tolist() == [True, False, False, True]
    assert found[1:3].tolist() == [-math.inf] * 2


def test_the_logistic_normal_prior_is_that_of_its_codes() -> None:
    prior = LogisticNormalPrior(3, 1.5)
    noise = normal(0, 5, 3)
    torch.testing.assert_close(prior(noise), (1.5 * noise).softmax(1))
    expected = logistic_normal_log_prob(log_entries(prior(noise)), torch.zeros(3), torch.full((3,), 2 * math.log(1.5)))
    torch.testing.assert_close(prior.log_prob(prior(noise)), expected)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"code_dim": 1}, "--code-dim 2 or more"),
        (
            {"encoder": "gaussian"},
            "the prior's codes are in a simplex, and the encoder's in all codes; use .*dirichlet",
        ),
        ({"prior": "gaussian"}, "--encoder logistic-normal or dirichlet with --prior dirichlet or logistic-normal"),
    ],
)
def test_what_does_not_go_together_is_refused_in_one_line(
    changes: dict[str, Any], words: str, tiny_session: Callable[..., Session]
) -> None:
    with pytest.raises(ConfigurationError, match=words) as error:
        tiny_session("dirichlet-vae", **changes)
    assert "\n" not in str(error.value)


def test_bad_options() -> None:
    with pytest.raises(ValidationError):
        DirichletPriorOptions(concentration=0)
    with pytest.raises(ValidationError, match=r"min_concentration is 5.0 .* below the maximum"):
        DirichletEncoderOptions(min_concentration=5.0, max_concentration=1.0)
    with pytest.raises(ValidationError, match=r"min_log_variance is 5.0 .* below the maximum"):
        LogisticNormalEncoderOptions(min_log_variance=5.0, max_log_variance=1.0)
