"""The noise contrastive prior."""

import math
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from torch import Tensor, nn
from torch.distributions import Normal

from priorkit.interfaces import Learning
from priorkit.plugins import PriorContext
from priorkit_plugins.gaussian_base import GaussianBase
from priorkit_plugins.noise_contrastive import NoiseContrastiveOptions, priorkit_priors
from priorkit_plugins.noise_contrastive.prior import NoiseContrastivePrior
from priorkit_plugins.noise_contrastive.samplers import ImportanceResampling

seeds = st.integers(0, 2**32 - 1)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def make(code_dim: int = 2, condition_dim: int = 0, classes: int = 0, **options: Any) -> NoiseContrastivePrior:
    def code_generator(noise_dim: int, condition_dim: int) -> Any:
        raise AssertionError("this prior has no code generator")

    (component,) = priorkit_priors()
    chosen = NoiseContrastiveOptions(**{"hidden": 32, "candidates": 50, **options})
    with torch.random.fork_rng():
        torch.manual_seed(0)
        context = PriorContext(code_dim, code_generator, condition_dim, classes=classes)
        prior = component.build(chosen, context)
    assert isinstance(prior, NoiseContrastivePrior)
    return prior


def moons(n: int, draw: torch.Generator) -> Tensor:
    """Two modes in one dimension, at -2 and 2, three quarters of the codes in the second."""
    side = torch.where(torch.rand(n, 1, generator=draw) < 0.75, 2.0, -2.0)
    return side + 0.5 * torch.randn(n, 1, generator=draw)


class Quadratic(nn.Module):
    """f(w) = a w + b w^2 + c: reweighted by exp f, a standard normal distribution is N(a v, v), v = 1 / (1 - 2 b)."""

    code_dim, condition_dim = 1, 0

    def __init__(self, slope: float, bend: float, constant: float) -> None:
        super().__init__()
        self.slope, self.bend, self.constant = slope, bend, constant

    def forward(self, white: Tensor, condition: Tensor | None = None) -> Tensor:
        value = white.squeeze(-1)
        return self.slope * value + self.bend * value.square() + self.constant


@settings(deadline=None, max_examples=20)
@given(slope=st.floats(-1, 1), bend=st.floats(-2, 0.1), constant=st.floats(-5, 5))
def test_a_reweighted_normal_distribution_in_closed_form(slope: float, bend: float, constant: float) -> None:
    network: Any = Quadratic(slope, bend, constant)
    prior = NoiseContrastivePrior(GaussianBase(1), network, ImportanceResampling(2000))
    prior.standardise(torch.tensor([3.0]), torch.tensor([2.0]))
    variance = 1 / (1 - 2 * bend)
    expected = Normal(3 + 2 * slope * variance, 2 * math.sqrt(variance))
    codes = torch.linspace(-3, 9, 9)[:, None]
    torch.testing.assert_close(prior.log_prob(codes), expected.log_prob(codes[:, 0]), rtol=0, atol=0.05)
    constant_in_closed_form = constant + 0.5 * math.log(variance) + 0.5 * slope**2 * variance
    assert float(prior.log_constant()) == pytest.approx(constant_in_closed_form, abs=0.05)
    drawn = prior(prior.noise(400, generator=generator())).flatten().detach()
    assert float(drawn.mean()) == pytest.approx(float(expected.mean), abs=5.5 * float(expected.stddev) / 20)
    assert float(drawn.std()) == pytest.approx(float(expected.stddev), rel=0.25)


@pytest.mark.parametrize("options", [{"sampler": "resampling"}, {"sampler": "langevin", "steps": 60, "step_size": 0.3}])
def test_it_learns_a_density_that_integrates_to_one(options: dict[str, Any]) -> None:
    prior, draw = make(1, **options), generator()
    optimizer = torch.optim.Adam(prior.parameters(), 1e-2)
    for _ in range(400):
        loss = prior.code_loss(moons(256, draw), prior.code_noise(256, generator=draw))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    grid = torch.linspace(-8, 8, 2001)
    with torch.no_grad():
        density = prior.log_prob(grid[:, None]).exp()
    truth = 0.25 * Normal(-2.0, 0.5).log_prob(grid).exp() + 0.75 * Normal(2.0, 0.5).log_prob(grid).exp()
    assert float(torch.trapezoid(density, grid)) == pytest.approx(1, abs=0.02)
    assert float(torch.trapezoid((density - truth).abs(), grid)) < 0.25
    with torch.no_grad():
        codes = prior.sample(1000, generator=draw).flatten()
    assert float((codes > 0).float().mean()) == pytest.approx(0.75, abs=0.12)
    assert float((codes.abs() < 0.7).float().mean()) < 0.06


@settings(deadline=None, max_examples=20)
@given(seed=seeds, picked=st.integers(0, 4))
def test_candidates_are_picked_by_their_weights(seed: int, picked: int) -> None:
    sampler, prior = ImportanceResampling(5), make(3)
    noise = sampler.noise(1, 3, generator(seed))
    candidates = noise[0, 1:].view(5, 3)
    with torch.no_grad():
        bounds = prior.network(candidates).softmax(0).cumsum(0)
        noise[0, 0] = bounds[picked] - 1e-4
        assert torch.equal(sampler.draw(prior.network, noise, None)[0], candidates[picked])


def test_each_class_has_its_own_constant() -> None:
    prior = make(1, 3, 3)
    assert prior.has_density
    with torch.no_grad():
        prior.network.layers[0].weight.mul_(4)
        grid = torch.linspace(-7, 7, 701)
        for label in range(3):
            condition = torch.eye(3)[label].expand(701, -1)
            density = prior.log_prob(grid[:, None], condition).exp()
            assert float(torch.trapezoid(density, grid)) == pytest.approx(1, abs=0.01)
    assert len(prior.log_constant().unique()) == 3


def test_there_is_no_density_given_what_is_no_class() -> None:
    prior = make(2, 4)
    assert not prior.has_density
    assert prior.learning is Learning.CODES
    with pytest.raises(TypeError, match="not a class"):
        prior.log_prob(torch.zeros(2, 2), torch.zeros(2, 4))
    with pytest.raises(ValueError, match="--condition labels or embedding"):
        prior(prior.noise(2))


def test_the_base_learns_from_likelihood_alone() -> None:
    """The classifier is shown whitened codes: it does not move the base towards what it takes for codes."""
    prior = make(2)
    codes = torch.randn(64, 2, generator=generator()) + 1
    loss = prior.code_loss(codes, prior.code_noise(64, generator=generator()))
    found = torch.autograd.grad(loss, prior.base.shift)[0]
    torch.testing.assert_close(found, torch.autograd.grad(-prior.base.log_prob(codes).mean(), prior.base.shift)[0])


@pytest.mark.parametrize("options", [{"base": "uniform"}, {"candidates": 0}, {"sampler": "hmc"}, {"step_size": 0}])
def test_bad_options(options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        NoiseContrastiveOptions.model_validate(options)
