import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.distributions import Independent, MultivariateNormal, Normal

from priorkit.evaluation import active_units, elbo, elbo_surgery, importance_weighted_bound
from priorkit.evaluation.likelihood import gaussian_log_prob
from priorkit.interfaces import Posterior


def normal(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def standard(dim: int) -> Independent:
    return Independent(Normal(torch.zeros(dim, dtype=torch.float64), 1.0), 1)


class Linear:
    """p(z) = N(0, I), p(x|z) = N(Wz, s^2 I): everything about it is known (probabilistic PCA)."""

    def __init__(self, dim: int, pixels: int, seed: int) -> None:
        self.w, self.s = normal(pixels, dim, seed=seed), 0.7
        eye = torch.eye(pixels, dtype=torch.float64)
        self.marginal = MultivariateNormal(
            torch.zeros(pixels, dtype=torch.float64), self.w @ self.w.T + self.s**2 * eye
        )
        precision = torch.eye(dim, dtype=torch.float64) + self.w.T @ self.w / self.s**2
        self.covariance = torch.linalg.inv(precision)

    def likelihood(self, x: torch.Tensor, z: torch.Tensor) -> torch.Tensor:
        return Independent(Normal(z @ self.w.T, self.s), 1).log_prob(x)

    def posterior_mean(self, x: torch.Tensor) -> torch.Tensor:
        return x @ self.w @ self.covariance / self.s**2


@given(n=st.integers(1, 6), dim=st.integers(1, 5), seed=st.integers(0, 2**62))
def test_gaussian_densities(n: int, dim: int, seed: int) -> None:
    code, mean, log_variance = normal(3, n, dim, seed=seed)
    expected = Independent(Normal(mean, (0.5 * log_variance).exp()), 1).log_prob(code)
    torch.testing.assert_close(gaussian_log_prob(code, mean, log_variance), expected)


def test_the_true_posterior_makes_both_bounds_tight() -> None:
    # With one dimension the true posterior is a normal distribution that an encoder could give.
    model = Linear(1, 4, seed=1)
    x = model.marginal.sample((5,))
    mean = model.posterior_mean(x)
    deviation = model.covariance.sqrt()
    z = mean[:, None] + deviation * normal(5, 7, 1, seed=2)
    density = gaussian_log_prob(z, mean[:, None], deviation.log().mul(2).expand_as(z))
    weights = model.likelihood(x[:, None], z) + standard(1).log_prob(z) - density
    truth = model.marginal.log_prob(x)
    torch.testing.assert_close(elbo(weights), truth)
    torch.testing.assert_close(importance_weighted_bound(weights), truth)


def test_a_wrong_posterior_loosens_the_elbo_by_its_divergence_and_the_other_bound_less() -> None:
    model = Linear(1, 3, seed=1)
    x = model.marginal.sample((1,))
    wrong = Normal(model.posterior_mean(x) + 0.3, 1.3 * model.covariance.sqrt())
    z = wrong.mean + wrong.stddev * normal(200_000, 1, seed=3)
    density = gaussian_log_prob(z, wrong.mean, wrong.variance.log().expand_as(z))
    weights = (model.likelihood(x, z) + standard(1).log_prob(z) - density)[None]
    truth = model.marginal.log_prob(x)
    gap = torch.distributions.kl_divergence(wrong, Normal(model.posterior_mean(x), model.covariance.sqrt())).sum()
    assert float(elbo(weights)) == pytest.approx(float(truth - gap), abs=0.02)
    assert float(importance_weighted_bound(weights)) == pytest.approx(float(truth), abs=0.02)


@given(n=st.integers(1, 5), k=st.integers(1, 8), seed=st.integers(0, 2**62))
def test_more_draws_never_loosen_the_bound(n: int, k: int, seed: int) -> None:
    weights = 10 * normal(n, k, seed=seed) - 1000
    assert (importance_weighted_bound(weights) >= elbo(weights) - 1e-9).all()
    torch.testing.assert_close(importance_weighted_bound(weights[:, :1]), elbo(weights[:, :1]))


def test_active_units() -> None:
    means = torch.stack([torch.linspace(-1, 1, 50), torch.full((50,), 3.0), 0.05 * torch.linspace(-1, 1, 50)], 1)
    # Variances of about 0.35, 0 and 0.0009.
    assert active_units(means) == 1
    assert active_units(means, threshold=1e-5) == 2


@given(n=st.integers(2, 12), dim=st.integers(1, 4), seed=st.integers(0, 2**62))
def test_surgery_takes_the_elbo_apart(n: int, dim: int, seed: int) -> None:
    mean, log_variance, noise = normal(3, n, dim, seed=seed)
    posterior = Posterior(mean + (0.5 * log_variance).exp() * noise, mean, log_variance)
    likelihood = normal(n, seed=seed + 1)
    prior = standard(dim)
    surgery = elbo_surgery(posterior, likelihood, prior.log_prob)
    own = gaussian_log_prob(posterior.code, mean, log_variance)
    bound = elbo((likelihood + prior.log_prob(posterior.code) - own)[:, None]).mean()
    whole = surgery.reconstruction - surgery.mutual_information - surgery.marginal_divergence
    assert whole == pytest.approx(float(bound), rel=1e-6, abs=1e-6)
    assert surgery.most_information == pytest.approx(math.log(n))
    assert surgery.mutual_information <= surgery.most_information + 1e-9
    # Against a plain double loop.
    aggregated = torch.stack(
        [
            torch.logsumexp(
                torch.stack([gaussian_log_prob(z, m, v) for m, v in zip(mean, log_variance, strict=True)]), 0
            )
            for z in posterior.code
        ]
    ) - math.log(n)
    assert surgery.marginal_divergence == pytest.approx(
        float((aggregated - prior.log_prob(posterior.code)).mean()), rel=1e-6, abs=1e-6
    )


def test_surgery_of_known_posteriors() -> None:
    # Far apart: a code tells its image. All the same and the prior: it tells nothing, and nothing is to be gained.
    means = 1000 * torch.arange(5.0)[:, None]
    apart = elbo_surgery(Posterior(means, means, torch.zeros(5, 1)), torch.zeros(5), standard(1).log_prob)
    assert apart.mutual_information == pytest.approx(math.log(5))
    noise = normal(2000, 1, seed=4)
    same = Posterior(noise, torch.zeros(2000, 1), torch.zeros(2000, 1))
    collapsed = elbo_surgery(same, torch.zeros(2000), standard(1).log_prob)
    assert collapsed.mutual_information == pytest.approx(0, abs=1e-9)
    assert collapsed.marginal_divergence == pytest.approx(0, abs=1e-9)
