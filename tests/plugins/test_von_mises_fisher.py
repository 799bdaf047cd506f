"""The encoder `von-mises-fisher`, and the priors `uniform-sphere` and `von-mises-fisher`."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.special
import scipy.stats
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from torch import Tensor, nn
from torch.distributions import kl_divergence

from priorkit.errors import ConfigurationError
from priorkit.interfaces import Learning, Prior
from priorkit.plugins import PriorContext
from priorkit.training import Session
from priorkit_plugins.kl.regularizer import KLRegularizer
from priorkit_plugins.von_mises_fisher import (
    UniformSphereOptions,
    VonMisesFisherEncoderOptions,
    VonMisesFisherPriorOptions,
    priorkit_priors,
)
from priorkit_plugins.von_mises_fisher.distributions import UniformSphere, VonMisesFisher, directions
from priorkit_plugins.von_mises_fisher.encoder import VonMisesFisherEncoder
from priorkit_plugins.von_mises_fisher.heights import Heights, log_area
from priorkit_plugins.von_mises_fisher.prior import VonMisesFisherPrior

seeds = st.integers(0, 2**63 - 1)


def normal(seed: int, *shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def log_bessel(order: float, value: float) -> float:
    """log I_order(value) - value."""
    return float(np.log(scipy.special.ive(order, value)))


@pytest.mark.parametrize("dim", [2, 3, 8, 64])
@pytest.mark.parametrize("kappa", [1e-3, 0.5, 7.0, 200.0, 1e4])
def test_the_normaliser_is_a_bessel_function(dim: int, kappa: float) -> None:
    order = dim / 2 - 1
    expected = dim / 2 * math.log(math.tau) + log_bessel(order, kappa) - order * math.log(kappa)
    ratio = math.exp(log_bessel(order + 1, kappa) - log_bessel(order, kappa))
    for dtype, digits in ((torch.float64, 1e-12), (torch.float32, 3e-6)):
        concentration = torch.tensor([kappa], dtype=dtype, requires_grad=True)
        heights = Heights(concentration, dim)
        found = heights.log_normaliser()
        assert float(found.detach()) == pytest.approx(expected, rel=digits, abs=digits)
        # Its derivative is the mean of w - 1, A_D(kappa) - 1.
        [slope] = torch.autograd.grad(found, concentration)
        assert float(slope) == pytest.approx(ratio - 1, rel=1e-4 if dtype is torch.float32 else 1e-9)
        assert float(heights.mean_below().detach()) == pytest.approx(
            ratio - 1, rel=1e-4 if dtype is torch.float32 else 1e-9
        )


def test_without_concentration_all_codes_are_alike() -> None:
    for dim in (2, 5, 64):
        assert float(Heights(torch.zeros(1), dim).log_normaliser()) == pytest.approx(log_area(dim), abs=1e-5)


@settings(deadline=None, max_examples=20)
@given(dim=st.sampled_from([2, 3, 6]), kappa=st.floats(0.1, 80), seed=seeds)
def test_the_density_is_that_of_scipy(dim: int, kappa: float, seed: int) -> None:
    direction, codes = directions(normal(seed, 1, dim)), directions(normal(seed + 1, 5, dim))
    found = VonMisesFisher(direction, torch.tensor([kappa])).log_prob(codes)
    law = scipy.stats.vonmises_fisher(direction[0].double() / direction[0].double().norm(), kappa)
    expected = torch.from_numpy(law.logpdf((codes.double() / codes.double().norm(dim=1, keepdim=True)).numpy()))
    torch.testing.assert_close(found.double(), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("dim", "kappa"), [(2, 1.5), (3, 0.0), (3, 40.0), (10, 25.0)])
def test_draws_have_the_heights_and_spread_evenly_around_the_mean_direction(dim: int, kappa: float) -> None:
    n = 10_000
    direction = directions(normal(3, 1, dim))
    spread = VonMisesFisher(direction.expand(n, -1), torch.full((n,), kappa))
    code, log_prob = spread.draw(normal(0, n, dim))
    torch.testing.assert_close(code.norm(dim=1), torch.ones(n), rtol=0, atol=1e-5)
    torch.testing.assert_close(spread.log_prob(code), log_prob, rtol=1e-3, atol=2e-3)
    height = (code @ direction[0]).double().numpy()
    edges = np.linspace(-1, 1, 200_001)[1:-1]
    weights = np.exp(kappa * (edges - 1) + (dim - 3) / 2 * np.log1p(-(edges**2)))
    below = np.cumsum(weights) / weights.sum()
    assert scipy.stats.kstest(np.interp(height, edges, below), "uniform").pvalue > 1e-6
    aside = code - torch.from_numpy(height).float()[:, None] * direction
    mean = directions(aside).mean(0)
    assert float(mean.abs().max()) < 6 / n**0.5


@pytest.mark.parametrize(("dim", "kappa"), [(2, 2.0), (5, 0.3), (5, 30.0), (20, 100.0)])
def test_the_divergence_from_uniform_is_closed_and_agrees_with_draws(dim: int, kappa: float) -> None:
    n = 10_000
    spread = VonMisesFisher(directions(normal(1, 1, dim)).expand(n, -1), torch.full((n,), kappa))
    order = dim / 2 - 1
    ratio = math.exp(log_bessel(order + 1, kappa) - log_bessel(order, kappa))
    log_constant = order * math.log(kappa) - dim / 2 * math.log(math.tau) - log_bessel(order, kappa) - kappa
    exact = kappa * ratio + log_constant + log_area(dim)
    found = kl_divergence(spread, UniformSphere(dim))
    assert float(found[0]) == pytest.approx(exact, rel=1e-4, abs=1e-5)
    code, log_prob = spread.draw(normal(0, n, dim))
    estimates = log_prob - UniformSphere(dim).log_prob(code)
    assert abs(float(estimates.mean()) - exact) < 6 * float(estimates.std()) / n**0.5 + 1e-4


def test_the_divergence_from_another_agrees_with_draws() -> None:
    n = 10_000
    spread = VonMisesFisher(directions(normal(1, 1, 4)).expand(n, -1), torch.full((n,), 9.0))
    other = VonMisesFisher(directions(normal(2, 1, 4)), torch.tensor([3.0]))
    code, log_prob = spread.draw(normal(0, n, 4))
    estimates = log_prob - other.log_prob(code)
    found = float(kl_divergence(spread, other)[0])
    assert abs(float(estimates.mean()) - found) < 6 * float(estimates.std()) / n**0.5
    assert float(kl_divergence(other, other)[0]) == pytest.approx(0, abs=1e-5)


def test_gradients_of_a_mean_are_those_of_the_distribution() -> None:
    """The mean of <a, code> is A(kappa) <a, direction>: reparameterised draws have its gradients on average."""
    n, dim, kappa = 10_000, 4, 5.0
    vector = torch.tensor([[0.4, -0.2, 0.8, 0.1]], requires_grad=True)
    concentration = torch.tensor([kappa], requires_grad=True)
    weights = torch.tensor([0.3, 1.0, -0.5, 0.7])
    exact = (VonMisesFisher(directions(vector), concentration).mean @ weights).sum()
    expected = torch.autograd.grad(exact, (vector, concentration))
    vectors, kappas = vector.detach().expand(n, -1).clone().requires_grad_(), torch.full((n,), kappa).requires_grad_()
    code, _ = VonMisesFisher(directions(vectors), kappas).draw(normal(0, n, dim))
    for each, wanted in zip(torch.autograd.grad((code @ weights).sum(), (vectors, kappas)), expected, strict=True):
        error = each.std(0) / n**0.5
        assert bool(((each.mean(0) - wanted).abs() < 6 * error + 1e-5).all())


def encoder_of(dim: int) -> VonMisesFisherEncoder:
    return VonMisesFisherEncoder(nn.Identity(), dim)


@settings(deadline=None, max_examples=20)
@given(dim=st.integers(2, 9), seed=seeds)
def test_posteriors_of_an_encoder(dim: int, seed: int) -> None:
    parameters = normal(seed, 4, dim + 1)
    drawn = encoder_of(dim)(parameters, normal(seed + 1, 4, dim))
    without = encoder_of(dim)(parameters)
    for found in (drawn, without):
        torch.testing.assert_close(found.code.norm(dim=1), torch.ones(4))
        assert torch.equal(found.mean, directions(parameters[:, :-1]))
        assert isinstance(found.distribution, VonMisesFisher)
        torch.testing.assert_close(found.distribution.log_prob(found.code), found.log_prob, rtol=1e-3, atol=1e-3)
    assert torch.equal(without.code, without.mean)


def test_concentrations_start_at_the_dimensions_and_stay_in_their_range() -> None:
    free = torch.tensor([-1e3, 0.0, 1.0, 1e3])[:, None]
    found = VonMisesFisherEncoder(nn.Identity(), 4, (0.5, 200.0))(
        torch.cat([torch.ones(4, 4), free], dim=1)
    ).distribution
    assert isinstance(found, VonMisesFisher)
    assert found.concentration.tolist() == pytest.approx([0.5, 4.0, 4 * math.e, 200.0], rel=0.15)
    with pytest.raises(ValidationError, match=r"min_concentration is 2.0 .* below the maximum"):
        VonMisesFisherEncoderOptions(min_concentration=2.0, max_concentration=1.0)


def test_outputs_and_noise_of_0_have_a_direction() -> None:
    found = encoder_of(3)(torch.zeros(2, 4), torch.zeros(2, 3))
    torch.testing.assert_close(found.code.norm(dim=1), torch.ones(2))


def test_kl_takes_the_closed_form() -> None:
    posterior = encoder_of(5)(normal(0, 3, 6), normal(1, 3, 5))
    prior = make("uniform-sphere", 5)
    assert posterior.distribution is not None
    found = KLRegularizer().encoder_terms(posterior, prior, posterior.code)["regularization"]
    torch.testing.assert_close(found, kl_divergence(posterior.distribution, prior.distribution()).mean())


def make(name: str, code_dim: int, **options: Any) -> Prior:
    [component] = [item for item in priorkit_priors() if item.name == name]
    chosen = UniformSphereOptions() if name == "uniform-sphere" else VonMisesFisherPriorOptions(**options)
    return component.build(chosen, PriorContext(code_dim, None))  # type: ignore[arg-type]


def test_densities_of_priors() -> None:
    codes = directions(normal(0, 6, 3))
    uniform = make("uniform-sphere", 3)
    torch.testing.assert_close(uniform.log_prob(codes), torch.full((6,), -math.log(4 * math.pi)))
    assert bool((uniform.log_prob(0.5 * codes) == -math.inf).all())
    single = make("von-mises-fisher", 3, concentration=4.0)
    law = scipy.stats.vonmises_fisher([1, 0, 0], 4.0)
    lengths = codes.double().norm(dim=1, keepdim=True)
    expected = torch.from_numpy(law.logpdf((codes.double() / lengths).numpy()))
    torch.testing.assert_close(single.log_prob(codes).double(), expected, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(single.distribution().log_prob(codes), single.log_prob(codes))
    assert bool((single.log_prob(0.5 * codes) == -math.inf).all())
    with pytest.raises(TypeError):
        make("von-mises-fisher", 3, components=2).distribution()


def test_a_mixture_finds_the_clusters_of_codes() -> None:
    torch.manual_seed(0)
    centres = directions(torch.tensor([[1.0, 0, 0], [0, 1.0, 0], [0, 0, -1.0]]))
    labels = torch.arange(600) % 3
    codes = directions(centres[labels] + 0.15 * normal(0, 600, 3))
    prior = VonMisesFisherPrior(3, components=4, concentration=5.0, learned=True)
    assert prior.learning is Learning.LIKELIHOOD
    optimiser = torch.optim.Adam(prior.parameters(), lr=0.05)
    before = float(prior.log_prob(codes).mean().detach())
    for _ in range(200):
        optimiser.zero_grad()
        (-prior.log_prob(codes).mean()).backward()
        optimiser.step()
    assert float(prior.log_prob(codes).mean().detach()) > before + 1
    parts = prior.responsibilities(codes).argmax(1)
    for label in range(3):
        share = parts[labels == label].bincount(minlength=4).max() / 200
        assert share > 0.4
    # What it samples is as likely, and as close to the centres, as what it has learned.
    drawn = prior.sample(2000, generator=torch.Generator().manual_seed(1))
    assert float(prior.log_prob(drawn).mean()) == pytest.approx(float(prior.log_prob(codes).mean()), abs=0.15)
    nearest = (drawn @ centres.T).amax(1)
    assert float(nearest.mean()) > 0.93


@pytest.mark.parametrize("changes", [{"code_dim": 1}, {"prior": "gaussian"}, {"encoder": "gaussian"}])
def test_what_does_not_go_together_is_refused_in_one_line(
    changes: dict[str, Any], tiny_session: Callable[..., Session]
) -> None:
    with pytest.raises(ConfigurationError, match=r"--code-dim 2 or more|--encoder von-mises-fisher with") as error:
        tiny_session("vmf-vae", **changes)
    assert "\n" not in str(error.value)


def test_a_fit_by_likelihood_refuses_codes_outside_of_the_support(tiny_session: Callable[..., Session]) -> None:
    with pytest.raises(ConfigurationError, match="in all codes, and the encoder's are in the unit sphere") as error:
        tiny_session(
            "probabilistic-autoencoder", encoder="von-mises-fisher", prior={"name": "mixture", "learned": True}
        )
    assert "--prior flow-matching" in str(error.value)
    learned = {"name": "von-mises-fisher", "learned": True}
    session = tiny_session("probabilistic-autoencoder", encoder="von-mises-fisher", prior=learned)
    start = {name: weight.clone() for name, weight in session.system.prior.named_parameters()}
    for _ in range(4):
        session.step()
    assert all(not torch.equal(weight, start[name]) for name, weight in session.system.prior.named_parameters())
