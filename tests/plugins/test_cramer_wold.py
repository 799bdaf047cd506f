"""The regularizer `cramer-wold`."""

import math
from typing import Any

import numpy as np
import pytest
import scipy.integrate
import scipy.special
import scipy.stats
import torch
from torch import Tensor
from torch.distributions import Independent, Normal

from priorkit.errors import ConfigurationError
from priorkit.interfaces import Posterior
from priorkit.testing.stand_in_priors import OnlySampled, StandardNormal
from priorkit_plugins.cramer_wold import CramerWoldOptions, priorkit_regularizers
from priorkit_plugins.cramer_wold.distance import (
    distance_to_sample,
    distance_to_standard_normal,
    projected_kernel,
    smoothing,
)
from priorkit_plugins.cramer_wold.regularizer import CramerWoldRegularizer
from priorkit_plugins.gaussian import GaussianOptions
from priorkit_plugins.gaussian import priorkit_priors as gaussian_priors


def make(**options: Any) -> CramerWoldRegularizer:
    (component,) = priorkit_regularizers()
    made = component.build(CramerWoldOptions(**options), None)  # type: ignore[arg-type]
    assert isinstance(made, CramerWoldRegularizer)
    return made


def codes(n: int, dims: int, seed: int = 0) -> Tensor:
    return 0.5 + 1.3 * torch.randn(n, dims, generator=torch.Generator().manual_seed(seed))


def by_projection(one: Tensor, density: Any) -> float:
    """The definition, for codes of two dimensions: the mean over directions of the squared L2 distance there.

    Args:
        one: Codes (N, 2).
        density: From a direction to a density on the line, smoothed.
    """
    x, gamma = one.double().numpy(), smoothing(len(one))
    places = np.linspace(-12, 12, 1201)

    def along(angle: float) -> float:
        direction = np.array([math.cos(angle), math.sin(angle)])
        smoothed = scipy.stats.norm.pdf(places[:, None], x @ direction, math.sqrt(gamma)).mean(1)
        return float(scipy.integrate.trapezoid((smoothed - density(direction, places)) ** 2, places))

    # Periodic: equal weights are all that a good rule needs.
    return float(np.mean([along(angle) for angle in np.linspace(0, math.pi, 32, endpoint=False)]))


def test_it_is_the_distance_of_smoothed_projections_from_a_normal_prior() -> None:
    x = codes(9, 2)
    deviation = math.sqrt(1 + smoothing(9))
    expected = by_projection(x, lambda direction, places: scipy.stats.norm.pdf(places, 0, deviation))
    assert float(distance_to_standard_normal(x)) == pytest.approx(expected, rel=1e-4)


def test_it_is_the_distance_of_smoothed_projections_of_two_batches() -> None:
    x, y = codes(7, 2), codes(7, 2, seed=1) - 1
    width = math.sqrt(smoothing(7))

    def density(direction: Any, places: Any) -> Any:
        return scipy.stats.norm.pdf(places[:, None], y.double().numpy() @ direction, width).mean(1)

    assert float(distance_to_sample(x, y)) == pytest.approx(by_projection(x, density), rel=1e-4)


@pytest.mark.parametrize(("dims", "error"), [(1, 1e-5), (2, 1e-5), (3, 0.13), (8, 0.031), (20, 0.011), (64, 0.004)])
def test_the_kernel(dims: int, error: float) -> None:
    squares = torch.logspace(-3, 4, 60)
    exact = torch.from_numpy(scipy.special.hyp1f1(0.5, dims / 2, -squares.double().numpy()))
    found = projected_kernel(squares, dims).double()
    if dims == 1:
        exact = torch.exp(-squares.double())
    assert bool(((found - exact).abs() <= error * exact + 1e-12).all())


def test_a_normal_prior_of_another_scale_is_standardised() -> None:
    (component,) = gaussian_priors()
    prior = component.build(GaussianOptions(mean=2.0, std=3.0), type("Context", (), {"code_dim": 5})())  # type: ignore[arg-type]
    assert isinstance(prior.distribution(), Independent)
    assert isinstance(prior.distribution().base_dist, Normal)
    regularizer, x = make(logarithm=False, weight=2.0), codes(6, 5)
    regularizer.check(None, prior)  # type: ignore[arg-type]
    assert not regularizer.needs_prior_code
    found = regularizer.encoder_terms(Posterior(2 + 3 * x, x), prior, x[:0])
    torch.testing.assert_close(found["regularization"], 2 * distance_to_standard_normal(x), rtol=1e-4, atol=1e-7)


def test_other_priors_are_sampled_and_the_logarithm_is_the_default() -> None:
    regularizer, prior, x, y = make(), OnlySampled(5), codes(6, 5), codes(6, 5, seed=1)
    regularizer.check(None, prior)  # type: ignore[arg-type]
    assert regularizer.needs_prior_code
    found = regularizer.encoder_terms(Posterior(x, x), prior, y)["regularization"]
    assert float(found) == pytest.approx(math.log(float(distance_to_sample(x, y))), abs=1e-3)


def test_one_code_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="use at least --batch-size 2"):
        make().encoder_terms(Posterior(codes(1, 2), codes(1, 2)), StandardNormal(2), codes(1, 2))
