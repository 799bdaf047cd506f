"""What reweighted normal distributions are made of: a network, a base, fixed draws and Langevin dynamics."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.distributions import MultivariateNormal

from priorkit_plugins.base_draws import BaseDraws, each_class
from priorkit_plugins.gaussian_base import GaussianBase, standard_log_prob
from priorkit_plugins.langevin import langevin
from priorkit_plugins.scalar_network import ScalarNetwork

seeds = st.integers(0, 2**32 - 1)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def network(code_dim: int, condition_dim: int, seed: int, layers: int = 2) -> ScalarNetwork:
    made = ScalarNetwork(code_dim, condition_dim, hidden=7, layers=layers).double()
    with torch.no_grad():
        for weight in made.parameters():
            weight.normal_(generator=generator(seed))
    return made


@settings(deadline=None, max_examples=20)
@given(code_dim=st.integers(1, 6), condition_dim=st.integers(0, 2), layers=st.integers(1, 3), seed=seeds)
def test_the_gradient_that_is_written_out_is_autograds(
    code_dim: int, condition_dim: int, layers: int, seed: int
) -> None:
    made = network(code_dim, condition_dim, seed, layers)
    code = torch.randn(5, code_dim, generator=generator(seed), dtype=torch.float64).requires_grad_()
    condition = torch.randn(5, condition_dim, generator=generator(seed)).double() if condition_dim else None
    (expected,) = torch.autograd.grad(made(code, condition).sum(), code)
    torch.testing.assert_close(made.gradient(code, condition), expected)


@pytest.mark.parametrize("full", [False, True])
@settings(deadline=None, max_examples=20)
@given(code_dim=st.integers(1, 5), seed=seeds)
def test_the_base_is_a_normal_distribution(full: bool, code_dim: int, seed: int) -> None:
    draw = generator(seed)
    base = GaussianBase(code_dim, full=full).double()
    base.standardisation.set(torch.full((code_dim,), 3.0), torch.full((code_dim,), 0.5))
    with torch.no_grad():
        for weight in base.parameters():
            weight.copy_(0.5 * torch.randn(weight.shape, generator=draw))
    white = torch.randn(9, code_dim, generator=draw, dtype=torch.float64)
    codes = base.colour(white)
    torch.testing.assert_close(base.whiten(codes), white)
    # The map is affine: what it makes of 0 is the mean, of unit vectors a root of the covariance.
    with torch.no_grad():
        mean = base.colour(torch.zeros(1, code_dim, dtype=torch.float64))[0]
        root = (base.colour(torch.eye(code_dim, dtype=torch.float64)) - mean).T
    assert full or torch.equal(root, root.diagonal().diag())
    expected = MultivariateNormal(mean, root @ root.T).log_prob(codes)
    torch.testing.assert_close(base.log_prob(codes), expected, rtol=1e-6, atol=1e-6)


def test_the_likelihood_of_the_base_finds_mean_and_covariance() -> None:
    draw = generator()
    codes = torch.randn(2000, 2, generator=draw) @ torch.tensor([[1.0, 0.0], [0.8, 0.6]]).T + 2
    base = GaussianBase(2, full=True)
    optimizer = torch.optim.Adam(base.parameters(), 5e-2)
    for _ in range(200):
        optimizer.zero_grad()
        (-base.log_prob(codes).mean()).backward()
        optimizer.step()
    with torch.no_grad():
        white = base.whiten(codes)
    torch.testing.assert_close(white.mean(0), torch.zeros(2), rtol=0, atol=0.02)
    torch.testing.assert_close(torch.cov(white.T), torch.eye(2), rtol=0, atol=0.03)


def test_fixed_draws_are_taken_in_turn_and_never_twice_alike() -> None:
    draws = BaseDraws(10, 3)
    assert torch.equal(draws.draws, BaseDraws(10, 3).draws)
    assert not draws.state_dict()
    first = draws.part(torch.tensor(8), 4)
    assert torch.equal(first[:2], draws.draws[8:])
    assert torch.equal(first[2:], draws.draws[:2].roll(-1, dims=1))
    seen = torch.cat([draws.part(torch.tensor(start), 5) for start in range(0, 30, 5)])
    assert len(seen.unique(dim=0)) == 30


def test_each_class_has_its_numbers() -> None:
    made, white = network(3, 2, 0), torch.randn(4, 3, generator=generator(), dtype=torch.float64)
    values = each_class(made, white)
    second = torch.tensor([[0.0, 1.0]], dtype=torch.float64).expand(4, -1)
    torch.testing.assert_close(values[:, 1], made(white, second))
    assert each_class(network(3, 0, 0), white).shape == (4, 1)


def test_long_chains_follow_the_density() -> None:
    """Moments of chains of small steps in one dimension, beside those of the density on a grid."""
    made = network(1, 0, 3).float()
    noise = torch.randn(5000, 201, 1, generator=generator())
    grid = torch.linspace(-8, 8, 4001)[:, None]
    with torch.no_grad():
        ends = langevin(made.gradient, noise, 0.25).flatten()
        density = (made(grid) + standard_log_prob(grid)).softmax(0)
    mean = float((density * grid[:, 0]).sum())
    deviation = math.sqrt(float((density * (grid[:, 0] - mean).square()).sum()))
    assert abs(mean) > 0.1  # it is no standard normal
    assert float(ends.mean()) == pytest.approx(mean, abs=0.08)
    assert float(ends.std()) == pytest.approx(deviation, rel=0.08)
