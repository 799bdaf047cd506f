"""The encoder and the prior `wrapped-normal`."""

import math
from collections.abc import Callable
from typing import Any

import pytest
import scipy.integrate
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from torch import Tensor, nn
from torch.distributions import Independent, Normal, kl_divergence

from priorkit.errors import ConfigurationError
from priorkit.training import Session
from priorkit_plugins.wrapped_normal import WrappedNormalEncoderOptions, WrappedNormalPriorOptions
from priorkit_plugins.wrapped_normal.ball import Ball
from priorkit_plugins.wrapped_normal.encoder import WrappedNormalEncoder
from priorkit_plugins.wrapped_normal.prior import WrappedNormalPrior

seeds = st.integers(0, 2**63 - 1)
curvatures = st.sampled_from([0.2, 1.0, 4.0])


def normal(seed: int, *shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def distance(first: Tensor, second: Tensor, c: float) -> Tensor:
    """Of points of the ball, in double precision (Mathieu et al. 2019, Section 2)."""
    first, second = first.double(), second.double()
    gaps = (1 - c * first.square().sum(1)) * (1 - c * second.square().sum(1))
    return torch.acosh(1 + 2 * c * (first - second).square().sum(1) / gaps) / math.sqrt(c)


@settings(deadline=None, max_examples=30)
@given(c=curvatures, dim=st.integers(1, 6), seed=seeds)
def test_points_are_as_far_as_vectors_are_long(c: float, dim: int, seed: int) -> None:
    # Near the boundary, float32 has no digits left for a distance: the next test is about that.
    ball, vectors, steps = Ball(c), normal(seed, 5, dim) / dim**0.5, normal(seed + 1, 5, dim) / dim**0.5
    origin = torch.zeros(5, dim)
    points, log_gap = ball.from_origin(vectors)
    torch.testing.assert_close(distance(origin, points, c), vectors.double().norm(dim=1), rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(ball.distance(points)[0], vectors.norm(dim=1), rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(log_gap, (1 - c * points.square().sum(1)).log(), rtol=1e-3, atol=1e-3)
    reached, log_gap = ball.from_point(points, log_gap, steps)
    torch.testing.assert_close(distance(points, reached, c), steps.double().norm(dim=1), rtol=3e-3, atol=1e-3)
    torch.testing.assert_close(log_gap, (1 - c * reached.square().sum(1)).log(), rtol=1e-2, atol=1e-2)


def test_close_to_the_boundary_float32_keeps_its_digits() -> None:
    ball, directions = Ball(1.0), normal(0, 6, 3)
    far = 7 * directions / directions.norm(dim=1, keepdim=True)
    steps = normal(1, 6, 3)

    def found(dtype: torch.dtype) -> tuple[Tensor, Tensor]:
        points, log_gap = ball.from_origin(far.to(dtype))
        reached, log_gap = ball.from_point(points, log_gap, steps.to(dtype))
        return reached.double(), ball.log_volume(steps.to(dtype).norm(dim=1), log_gap, 3).double()

    for single, double in zip(found(torch.float32), found(torch.float64), strict=True):
        torch.testing.assert_close(single, double, rtol=1e-4, atol=1e-4)
    assert bool(ball.support.contains(found(torch.float32)[0], tolerance=0).all())


def test_nothing_leaves_the_ball() -> None:
    prior = WrappedNormalPrior(64, 1.0, 30.0)
    codes = prior.sample(100, generator=torch.Generator().manual_seed(0))
    assert bool((codes.norm(dim=1) < 1).all())
    assert bool(prior.log_prob(codes).isfinite().all())
    assert bool((prior.log_prob(codes / codes.norm(dim=1, keepdim=True) * 1.01) == -math.inf).all())


@pytest.mark.parametrize(("c", "std"), [(1.0, 1.0), (3.0, 0.4)])
def test_the_density_integrates_to_1_over_the_disk(c: float, std: float) -> None:
    prior = WrappedNormalPrior(2, c, std)

    def ring(radius: float) -> float:
        return math.tau * radius * float(prior.log_prob(torch.tensor([[radius, 0.0]])).exp())

    assert scipy.integrate.quad(ring, 0, 1 / math.sqrt(c), limit=200)[0] == pytest.approx(1, abs=1e-3)


@settings(deadline=None, max_examples=20)
@given(c=curvatures, dim=st.integers(1, 5), seed=seeds)
def test_densities_follow_from_those_of_the_noise(c: float, dim: int, seed: int) -> None:
    """By the change of variables, with Jacobians in double precision by differences."""
    encoder = WrappedNormalEncoder(nn.Identity(), dim, c)
    parameters, noise = normal(seed, 1, 2 * dim), normal(seed + 1, 1, dim)
    found = encoder(parameters, noise)
    jacobian = torch.autograd.functional.jacobian(lambda given: encoder(parameters, given[None]).code[0], noise[0])
    expected = Normal(0.0, 1.0).log_prob(noise).sum() - jacobian.double().det().abs().log()
    assert found.log_prob is not None
    torch.testing.assert_close(found.log_prob[0].double(), expected, rtol=1e-3, atol=1e-2)
    prior = WrappedNormalPrior(dim, c, 0.7)
    jacobian = torch.autograd.functional.jacobian(lambda given: prior(given[None])[0], noise[0])
    expected = Normal(0.0, 1.0).log_prob(noise).sum() - jacobian.double().det().abs().log()
    torch.testing.assert_close(prior.log_prob(prior(noise))[0].double(), expected, rtol=1e-3, atol=1e-2)


@pytest.mark.parametrize("c", [0.3, 2.0])
def test_around_the_origin_divergences_are_those_of_normal_vectors(c: float) -> None:
    n, dim = 10_000, 3
    log_variance = torch.tensor([-1.0, 0.3, -2.0])
    encoder = WrappedNormalEncoder(nn.Identity(), dim, c, log_variances=(-1e3, 1e3))
    posterior = encoder(torch.cat([torch.zeros(3), log_variance]).expand(n, -1), normal(0, n, dim))
    prior = WrappedNormalPrior(dim, c, 1.5)
    assert posterior.log_prob is not None
    estimates = posterior.log_prob - prior.log_prob(posterior.code)
    vectors = Independent(Normal(torch.zeros(3), (0.5 * log_variance).exp()), 1)
    expected = float(kl_divergence(vectors, Independent(Normal(torch.zeros(3), torch.full((3,), 1.5)), 1)))
    assert abs(float(estimates.mean()) - expected) < 6 * float(estimates.std()) / n**0.5 + 1e-3


def test_with_little_curvature_it_is_a_normal_distribution() -> None:
    """Close to the origin the metric is 4 |dz|^2: codes are half of the vectors."""
    codes = normal(0, 5, 3) / 2
    flat = Normal(0.0, 0.5).log_prob(codes).sum(1)  # type: ignore[no-untyped-call]
    torch.testing.assert_close(WrappedNormalPrior(3, 1e-4, 1.0).log_prob(codes), flat, rtol=1e-3, atol=1e-3)


def test_far_means_are_bounded_and_gradients_finite() -> None:
    parameters = torch.tensor([[1e4, -1e4, 3.0, 3.0], [0.0, 0.0, -30.0, 0.0]], requires_grad=True)
    posterior = WrappedNormalEncoder(nn.Identity(), 2, 1.0)(parameters, torch.tensor([[2.0, -3.0], [0.0, 0.0]]))
    assert posterior.log_prob is not None
    (posterior.code.sum() + posterior.log_prob.sum()).backward()
    assert bool(posterior.log_prob.isfinite().all())
    assert parameters.grad is not None
    assert bool(parameters.grad.isfinite().all())


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"encoder": {"curvature": 0.5}}, "a ball of radius 1.414; use .*both of one curvature"),
        ({"prior": "uniform-sphere"}, "--encoder wrapped-normal with --prior wrapped-normal"),
        ({"encoder": "gaussian"}, "the prior's codes are in a ball of radius 1, and the encoder's in all codes"),
    ],
)
def test_what_does_not_go_together_is_refused_in_one_line(
    changes: dict[str, Any], words: str, tiny_session: Callable[..., Session]
) -> None:
    with pytest.raises(ConfigurationError, match=words) as error:
        tiny_session("poincare-vae", **changes)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("options", [{"curvature": 0}, {"curvature": -1}, {"std": 0}])
def test_bad_options(options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        WrappedNormalPriorOptions.model_validate(options)


def test_an_empty_range_is_refused() -> None:
    with pytest.raises(ValidationError, match=r"min_log_variance is 2.0 .* below the maximum"):
        WrappedNormalEncoderOptions(min_log_variance=2.0, max_log_variance=2.0)
