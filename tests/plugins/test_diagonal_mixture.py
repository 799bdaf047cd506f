"""Mixtures of Gaussians, which several priors compute with."""

import math

import numpy as np
import pytest
import scipy.special
import scipy.stats
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from priorkit_plugins.diagonal_mixture import DiagonalMixture, mixture_noise, picked_parts

seeds = st.integers(0, 2**63 - 1)
sizes = st.integers(1, 6)


def mixture(parts: int, code_dim: int, seed: int) -> DiagonalMixture:
    generator = torch.Generator().manual_seed(seed)
    means, log_variances = torch.randn(2, parts, code_dim, generator=generator)
    return DiagonalMixture(torch.log_softmax(torch.randn(parts, generator=generator), 0), 2 * means, log_variances)


def codes_for(n: int, code_dim: int, seed: int) -> Tensor:
    return 3 * torch.randn(n, code_dim, generator=torch.Generator().manual_seed(seed ^ 1))


@settings(deadline=None, max_examples=50)
@given(n=sizes, parts=sizes, code_dim=st.integers(1, 70), seed=seeds)
def test_the_density_is_that_of_scipy_and_of_torch(n: int, parts: int, code_dim: int, seed: int) -> None:
    found, codes = mixture(parts, code_dim, seed), codes_for(n, code_dim, seed)
    means, stds = found.means.double().numpy(), (found.log_variances.double() / 2).exp().numpy()
    joint = np.stack([scipy.stats.norm(means[k], stds[k]).logpdf(codes.double()).sum(1) for k in range(parts)], axis=1)
    weighted = joint + found.log_weights.double().numpy()
    expected = scipy.special.logsumexp(weighted, axis=1)
    np.testing.assert_allclose(found.parts_log_prob(codes).numpy(), joint, rtol=1e-4, atol=1e-3)
    np.testing.assert_allclose(found.log_prob(codes).numpy(), expected, rtol=1e-4, atol=1e-3)
    np.testing.assert_allclose(found.responsibilities(codes), scipy.special.softmax(weighted, axis=1), atol=1e-3)
    distribution = found.distribution()
    assert distribution.event_shape == (code_dim,)
    torch.testing.assert_close(distribution.log_prob(codes), found.log_prob(codes), rtol=1e-4, atol=1e-3)


def test_dimensions_are_summed_before_parts() -> None:
    # Two parts at (0, 0) and (6, 6): a code at (0, 6) is far from both, though near to one in each dimension.
    means = torch.tensor([[0.0, 0.0], [6.0, 6.0]])
    found = DiagonalMixture(torch.full((2,), -math.log(2)), means, torch.zeros(2, 2))
    near, far = found.log_prob(torch.tensor([[0.0, 0.0], [0.0, 6.0]]))
    torch.testing.assert_close(near, torch.tensor(-math.log(2) - math.log(2 * math.pi)))
    torch.testing.assert_close(far, torch.tensor(-math.log(2 * math.pi) - 18))
    # The product of the dimensions' own mixtures has a mode there, which is what the wrong order would give.
    wrong = 2 * (-math.log(2) - 0.5 * math.log(2 * math.pi))
    assert abs(float(far) - wrong) > 10


@settings(deadline=None, max_examples=50)
@given(parts=sizes, n=st.integers(1, 50), seed=seeds)
def test_parts_are_picked_by_the_inverse_of_their_distribution(parts: int, n: int, seed: int) -> None:
    weights = mixture(parts, 1, seed).log_weights
    uniform = torch.rand(n, generator=torch.Generator().manual_seed(seed))
    bounds = weights.double().exp().cumsum(0).numpy()
    away = np.abs(uniform.numpy()[:, None] - bounds).min(axis=1) > 1e-6
    expected = np.minimum(np.searchsorted(bounds, uniform.numpy(), side="right"), parts - 1)
    assert (picked_parts(uniform, weights).numpy()[away] == expected[away]).all()


def test_no_number_falls_beyond_the_last_part() -> None:
    weights = torch.log(torch.full((1000,), 1e-3)) - 1e-3
    picked = picked_parts(torch.tensor([0.0, 1 - 2**-24]), weights)
    assert picked.tolist() == [0, 999]


@pytest.mark.parametrize("seed", range(3))
def test_parts_are_picked_as_often_as_they_weigh(seed: int) -> None:
    weights = torch.tensor([0.5, 0.2, 0.0, 0.3])
    noise = mixture_noise(20_000, 2, generator=torch.Generator().manual_seed(seed))
    counts = torch.bincount(picked_parts(noise[:, 0], weights.log()), minlength=4)
    assert counts[2] == 0
    kept = [0, 1, 3]
    assert scipy.stats.chisquare(counts[kept], 20_000 * weights[kept]).pvalue > 1e-8


def test_noise_is_a_uniform_number_and_normal_ones() -> None:
    noise = mixture_noise(20_000, 2, generator=torch.Generator().manual_seed(0))
    assert noise.shape == (20_000, 3)
    assert scipy.stats.kstest(noise[:, 0], "uniform").pvalue > 1e-8
    assert scipy.stats.kstest(noise[:, 1:].flatten(), "norm").pvalue > 1e-8
    assert torch.corrcoef(noise.T).fill_diagonal_(0).abs().max() < 6 / math.sqrt(20_000)
