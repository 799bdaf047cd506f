"""The prior `student-t`, as a distribution."""

import math
from collections.abc import Callable

import numpy as np
import pytest
import scipy.stats
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from priorkit.interfaces import Learning
from priorkit.testing import Case, parametrize_with_checks
from pydantic import ValidationError
from torch import Tensor

from priorkit_student_t import StudentTOptions
from priorkit_student_t.prior import StudentTPrior

CASES = [
    Case("prior", "student-t"),
    Case("prior", "student-t", {"degrees": 2}),
    Case("prior", "student-t", {"degrees": 3, "scale": 0.5, "learned": True}),
]

degrees_of_freedom = st.integers(1, 60)
seeds = st.integers(0, 2**32 - 1)


@parametrize_with_checks(CASES)
def test_keeps_the_contract(check: Callable[[], None]) -> None:
    check()


def generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def moved(code_dim: int, degrees: int, seed: int) -> StudentTPrior:
    """Returns a prior with a different mean and scale in each dimension."""
    prior = StudentTPrior(code_dim, degrees, learned=True)
    with torch.no_grad():
        prior.mean.normal_(generator=generator(seed))
        prior.log_scale.normal_(std=0.5, generator=generator(seed + 1))
    return prior


@settings(deadline=None, max_examples=50)
@given(code_dim=st.integers(1, 40), degrees=degrees_of_freedom, seed=seeds)
def test_the_density_is_that_of_scipy(code_dim: int, degrees: int, seed: int) -> None:
    prior = moved(code_dim, degrees, seed)
    # Wider than most of the prior, to include its tails.
    codes = 5 * torch.randn(6, code_dim, generator=generator(seed))
    mean, variances = prior.mean.detach().double(), torch.exp(2 * prior.log_scale.detach().double())
    expected = scipy.stats.multivariate_t(mean.numpy(), torch.diag(variances).numpy(), degrees).logpdf(codes.numpy())
    found = prior.log_prob(codes).detach()
    assert found.dtype == torch.float32
    np.testing.assert_allclose(found.numpy(), np.atleast_1d(expected), rtol=1e-5, atol=1e-4 * code_dim)


@pytest.mark.parametrize(("code_dim", "degrees"), [(1, 1), (4, 3), (16, 30)])
def test_samples_have_the_distribution(code_dim: int, degrees: int) -> None:
    prior = moved(code_dim, degrees, seed=1)
    with torch.no_grad():
        standard = (prior.sample(20_000, generator=generator(2)) - prior.mean) * torch.exp(-prior.log_scale)
    for dimension in standard.double().T.numpy():
        assert scipy.stats.kstest(dimension, scipy.stats.t(degrees).cdf).pvalue > 1e-6
    # The dimensions share w, so this is F-distributed; with independent dimensions it would not be.
    squares = standard.double().square().mean(1).numpy()
    assert scipy.stats.kstest(squares, scipy.stats.f(code_dim, degrees).cdf).pvalue > 1e-6


def test_the_fewer_degrees_the_farther_out() -> None:
    def extent(degrees: int) -> float:
        codes: Tensor = StudentTPrior(2, degrees).sample(5000, generator=generator(0))
        return float(codes.abs().quantile(0.999))

    assert extent(1) > 10 * extent(5) > 10 * extent(100)


def test_with_many_degrees_it_is_normal() -> None:
    codes = torch.randn(8, 3, generator=generator(0))
    normal = torch.distributions.Normal(torch.tensor(0.0), torch.tensor(2.0))
    torch.testing.assert_close(
        StudentTPrior(3, degrees=1000, scale=2.0).log_prob(codes),
        normal.log_prob(codes).sum(1),  # type: ignore[no-untyped-call]
        rtol=0,
        atol=0.01,
    )


def test_no_noise_makes_a_code_infinite() -> None:
    noise = torch.ones(1, 3)
    noise[:, 2:] = 0
    assert StudentTPrior(2, degrees=1)(noise).isfinite().all()


def test_what_is_learned_comes_to_fit() -> None:
    wanted = moved(3, degrees=4, seed=5)
    codes = wanted.sample(4000, generator=generator(6)).detach()
    prior = StudentTPrior(3, degrees=4, learned=True)
    optimizer = torch.optim.Adam(prior.parameters(), lr=0.05)
    for _ in range(200):
        optimizer.zero_grad()
        prior.log_prob(codes).mean().neg().backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    # Standard errors are about 0.02 in units of the scale.
    assert ((prior.mean - wanted.mean) * torch.exp(-wanted.log_scale)).abs().max() < 0.12
    assert (prior.log_scale - wanted.log_scale).abs().max() < 0.12


def test_only_what_is_learned_is_trained() -> None:
    assert [StudentTPrior(2, learned=learned).learning for learned in (False, True)] == [
        Learning.FIXED,
        Learning.LIKELIHOOD,
    ]
    assert list(StudentTPrior(2).parameters()) == []
    assert {name for name, _ in StudentTPrior(2, learned=True).named_parameters()} == {"mean", "log_scale"}
    for learned in (False, True):
        log_scale = StudentTPrior(2, scale=0.5, learned=learned).log_scale.detach()
        torch.testing.assert_close(log_scale, torch.full((2,), math.log(0.5)))


@pytest.mark.parametrize("options", [{"degrees": 0}, {"degrees": 2.5}, {"scale": 0}, {"scale": "inf"}, {"df": 3}])
def test_bad_options(options: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        StudentTOptions.model_validate(options)
