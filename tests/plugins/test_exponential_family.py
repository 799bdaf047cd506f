"""Exponential families of one number, on the Gamma distribution's logarithm, whose formulas are known."""

import math

import numpy as np
import pytest
import scipy.special
import scipy.stats
import torch
from torch import Tensor

from priorkit_plugins.exponential_family import ExponentialFamily, Grid

SHAPES = (0.3, 1.0, 4.0, 60.0)


def log_gamma(shape: Tensor) -> ExponentialFamily:
    """The density exp(shape t - exp(t)) / Gamma(shape) of the logarithm of a Gamma number."""
    grid = Grid(shape.log(), shape.rsqrt(), 8 + 25 / 0.3**0.5)
    return ExponentialFamily(shape, grid.points, -grid.points.exp(), grid)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_normaliser_and_mean_are_those_of_the_gamma_distribution(dtype: torch.dtype) -> None:
    shape = torch.tensor(SHAPES, dtype=dtype, requires_grad=True)
    family = log_gamma(shape)
    digits = 1e-6 if dtype is torch.float32 else 1e-12
    torch.testing.assert_close(family.log_normaliser(), torch.lgamma(shape), rtol=digits, atol=digits)
    torch.testing.assert_close(family.mean_statistic(), torch.digamma(shape), rtol=10 * digits, atol=10 * digits)
    [slope] = torch.autograd.grad(family.log_normaliser().sum(), shape)
    torch.testing.assert_close(slope, torch.digamma(shape), rtol=10 * digits, atol=10 * digits)


@pytest.mark.parametrize("alpha", SHAPES)
def test_draws_are_quantiles_with_their_derivatives(alpha: float) -> None:
    noise = torch.linspace(-5, 5, 21, requires_grad=True)
    shape = torch.full_like(noise, alpha, requires_grad=True)
    drawn = log_gamma(shape).draw(noise)

    def quantile(a: float, normal: np.ndarray) -> np.ndarray:
        lower = scipy.special.gammaincinv(a, scipy.stats.norm.cdf(normal))
        upper = scipy.special.gammainccinv(a, scipy.stats.norm.sf(normal))
        return np.log(np.where(normal < 0, lower, upper))

    places = noise.detach().double().numpy()
    apart = (drawn.detach().double() - torch.from_numpy(quantile(alpha, places))).abs()
    # Far out, where hardly any draw is, the density falls faster than the grid is fine.
    assert float(apart[5:-5].max()) < 3e-4
    assert float(apart.max()) < 2e-2
    by_shape, by_noise = torch.autograd.grad(drawn.sum(), (shape, noise))
    step = 1e-4
    expected = (quantile(alpha * (1 + step), places) - quantile(alpha * (1 - step), places)) / (2 * alpha * step)
    torch.testing.assert_close(by_shape[5:-5].double(), torch.from_numpy(expected)[5:-5], rtol=1e-2, atol=1e-4)
    expected = (quantile(alpha, places + step) - quantile(alpha, places - step)) / (2 * step)
    torch.testing.assert_close(by_noise[5:-5].double(), torch.from_numpy(expected)[5:-5], rtol=1e-2, atol=1e-4)


def test_the_gradient_of_a_mean_is_that_of_the_distribution() -> None:
    """The mean of exp(t) is the shape, so its derivative by the shape is 1."""
    shape = torch.full((20_000,), 2.5, requires_grad=True)
    noise = torch.randn(len(shape), generator=torch.Generator().manual_seed(0))
    sizes = log_gamma(shape).draw(noise).exp()
    [each] = torch.autograd.grad(sizes.sum(), shape)
    assert abs(float(sizes.detach().mean()) - 2.5) < 6 * math.sqrt(2.5 / len(shape))
    assert abs(float(each.mean()) - 1) < 6 * float(each.std()) / len(shape) ** 0.5


def test_noise_far_out_stays_on_the_grid() -> None:
    family = log_gamma(torch.full((2,), 1.0))
    drawn = family.draw(torch.tensor([-30.0, 30.0]))
    assert family.grid.points[0, 0] <= drawn[0] < drawn[1] <= family.grid.points[0, -1]
