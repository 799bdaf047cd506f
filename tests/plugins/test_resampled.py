"""The resampled prior."""

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from torch import Tensor
from torch.distributions import Normal

from priorkit.interfaces import Learning
from priorkit.plugins import PriorContext
from priorkit_plugins.resampled import ResampledOptions, priorkit_priors
from priorkit_plugins.resampled.prior import ResampledPrior

seeds = st.integers(0, 2**32 - 1)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def make(
    code_dim: int = 1, condition_dim: int = 0, classes: int = 0, *, seed: int = 0, **options: Any
) -> ResampledPrior:
    def code_generator(noise_dim: int, condition_dim: int) -> Any:
        raise AssertionError("this prior has no code generator")

    (component,) = priorkit_priors()
    chosen = ResampledOptions(**{"hidden": 16, "draws": 256, **options})
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        prior = component.build(chosen, PriorContext(code_dim, code_generator, condition_dim, classes=classes))
    assert isinstance(prior, ResampledPrior)
    with torch.no_grad():
        # An acceptance that is far from flat.
        prior.network.layers[0].weight.mul_(4)
        prior.network.last.weight.mul_(10)
    return prior.eval()


@settings(deadline=None, max_examples=15)
@given(truncation=st.integers(1, 50), seed=seeds)
def test_the_density_is_that_of_the_sampler(truncation: int, seed: int) -> None:
    """Beside what rejection by hand keeps, in shares of intervals, and with an integral of 1."""
    prior = make(truncation=truncation, seed=seed)
    prior.standardise(torch.tensor([1.0]), torch.tensor([2.0]))
    grid = torch.linspace(-16, 18, 3401)
    with torch.no_grad():
        density = prior.log_prob(grid[:, None]).exp()
        codes = prior.sample(4000, generator=generator(seed)).flatten()
    assert float(torch.trapezoid(density, grid)) == pytest.approx(1, abs=0.02)
    shares = torch.cumulative_trapezoid(density, grid)
    for level in (0.1, 0.3, 0.5, 0.7, 0.9):
        bound = grid[1:][shares >= level][0]
        # Five deviations of a share of 4000 samples, and the error of Z.
        assert float((codes <= bound).float().mean()) == pytest.approx(level, abs=0.06)


@settings(deadline=None, max_examples=20)
@given(truncation=st.integers(1, 6), seed=seeds)
def test_the_first_proposal_that_is_kept_is_the_code(truncation: int, seed: int) -> None:
    prior = make(2, truncation=truncation, seed=seed)
    noise = prior.noise(20, generator=generator(seed))
    with torch.no_grad():
        codes = prior(noise)
        for one, code in zip(noise, codes, strict=True):
            for proposal in one:
                chosen = proposal[:-1]
                if proposal[-1] < torch.sigmoid(prior.network(chosen[None]))[0]:
                    break
            torch.testing.assert_close(code, prior.base.colour(chosen[None])[0])


def test_a_single_proposal_is_the_base() -> None:
    prior = make(truncation=1)
    codes = torch.linspace(-2, 2, 5)
    torch.testing.assert_close(prior.log_prob(codes[:, None]), Normal(0.0, 1.0).log_prob(codes))


def test_training_averages_what_it_sees_of_the_acceptance() -> None:
    prior = make(2, draws=512, smoothing=0.1).train()
    codes = torch.randn(6, 2, generator=generator())
    for _ in range(30):
        trained = prior.log_prob(codes)
    assert int(prior.passes) == 30
    assert float(prior.mean_acceptance) == pytest.approx(float(prior.acceptance_rate().detach()), rel=0.05)
    torch.testing.assert_close(trained, prior.eval().log_prob(codes), rtol=0, atol=0.1)
    # In use, or where nothing is learned, nothing is counted.
    with torch.no_grad():
        prior.train().log_prob(codes)
    assert int(prior.passes) == 30


def test_the_gradient_of_the_constant_is_that_of_the_mean_acceptance() -> None:
    prior = make(2, draws=4096, truncation=1000).train()
    codes = torch.randn(6, 2, generator=generator())
    weight = prior.network.last.weight
    (trained,) = torch.autograd.grad(prior.log_prob(codes).mean(), weight)
    (exact,) = torch.autograd.grad(prior.eval().log_prob(codes).mean(), weight)
    torch.testing.assert_close(trained, exact, rtol=0.1, atol=0.1 * float(exact.abs().max()))


def test_it_learns_two_modes() -> None:
    prior, draw = make(1), generator()
    optimizer = torch.optim.Adam(prior.parameters(), 1e-2)
    prior.train()
    for _ in range(400):
        side = torch.where(torch.rand(256, 1, generator=draw) < 0.75, 2.0, -2.0)
        loss = -prior.log_prob(side + 0.5 * torch.randn(256, 1, generator=draw)).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    prior.eval()
    grid = torch.linspace(-8, 8, 2001)
    truth = 0.25 * Normal(-2.0, 0.5).log_prob(grid).exp() + 0.75 * Normal(2.0, 0.5).log_prob(grid).exp()
    with torch.no_grad():
        density = prior.log_prob(grid[:, None]).exp()
        codes = prior.sample(1000, generator=draw).flatten()
    assert float(torch.trapezoid((density - truth).abs(), grid)) < 0.25
    assert float((codes > 0).float().mean()) == pytest.approx(0.75, abs=0.1)
    assert float((codes.abs() < 0.7).float().mean()) < 0.06


@pytest.mark.parametrize("label", [0, 1])
def test_each_class_has_a_density(label: int) -> None:
    prior = make(1, 2, 2, truncation=5)
    grid = torch.linspace(-8, 8, 801)
    condition: Tensor = torch.eye(2)[label].expand(801, -1)
    with torch.no_grad():
        density = prior.log_prob(grid[:, None], condition).exp()
    assert float(torch.trapezoid(density, grid)) == pytest.approx(1, abs=0.02)
    assert prior.learning is Learning.LIKELIHOOD
    with pytest.raises(ValueError, match="--condition labels"):
        prior.log_prob(grid[:, None])


def test_other_conditions_are_refused() -> None:
    with pytest.raises(ValueError, match="use --condition labels, or none"):
        make(2, 4)


@pytest.mark.parametrize("options", [{"truncation": 0}, {"smoothing": 0}, {"smoothing": 1.5}, {"draws": 0}])
def test_bad_options(options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ResampledOptions.model_validate(options)
