"""The prior `uniform`."""

import math
from typing import Any

import pytest
import scipy.stats
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from priorkit.interfaces import CodeSpace, Prior
from priorkit.plugins import PriorContext
from priorkit_plugins.uniform import UniformOptions, priorkit_priors


def make(code_dim: int = 3, **options: float) -> Prior:
    def code_generator(noise_dim: int, condition_dim: int) -> Any:
        raise AssertionError("this prior has no code generator")

    (component,) = priorkit_priors()
    assert component.name == "uniform"
    return component.build(UniformOptions(**options), PriorContext(code_dim, code_generator))


@settings(deadline=None, max_examples=30)
@given(
    code_dim=st.integers(1, 9),
    low=st.floats(-4, 4, width=32),
    width=st.floats(0.5, 8, width=32),
    seed=st.integers(0, 2**63 - 1),
)
def test_the_density_is_that_of_scipy(code_dim: int, low: float, width: float, seed: int) -> None:
    prior = make(code_dim, low=low, high=low + width)
    codes = low + width * (1.5 * torch.rand(6, code_dim, generator=torch.Generator().manual_seed(seed)) - 0.25)
    expected = torch.from_numpy(scipy.stats.uniform(low, width).logpdf(codes.double())).sum(1)
    torch.testing.assert_close(prior.log_prob(codes).double(), expected, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(prior.distribution().log_prob(codes), prior.log_prob(codes))


def test_outside_the_density_is_0() -> None:
    found = make(2).log_prob(torch.tensor([[0.0, 0.9], [0.0, 1.1], [-1.1, 0.0]]))
    assert found.tolist() == pytest.approx([-2 * math.log(2), -math.inf, -math.inf])


def test_samples_fill_the_box() -> None:
    codes = make(low=-2.0, high=6.0).sample(20_000, generator=torch.Generator().manual_seed(0))
    assert scipy.stats.kstest(codes.flatten(), scipy.stats.uniform(-2, 8).cdf).pvalue > 1e-8


@pytest.mark.parametrize("options", [{"low": 1, "high": 1}, {"low": 2}, {"high": "inf"}, {"std": 1}])
def test_bad_options(options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        UniformOptions.model_validate(options)


def test_indices_are_alike() -> None:
    (component,) = priorkit_priors()
    space = CodeSpace((2, 3), entries=5)
    prior = component.build(UniformOptions(), PriorContext(6, lambda noise_dim, condition_dim: None, codes=space))  # type: ignore[arg-type, return-value]
    codes = prior.sample(2000, generator=torch.Generator().manual_seed(0))
    assert (codes.shape, codes.dtype) == ((2000, 6), torch.int64)
    assert scipy.stats.chisquare(torch.bincount(codes.flatten(), minlength=5)).pvalue > 1e-8
    expected = torch.distributions.Categorical(torch.ones(5)).log_prob(codes[:4]).sum(1)
    torch.testing.assert_close(prior.log_prob(codes[:4]), expected)
    assert int(prior(torch.ones(1, 6) - 1e-7).max()) == 4


def test_indices_have_no_bounds() -> None:
    (component,) = priorkit_priors()
    context = PriorContext(4, lambda noise_dim, condition_dim: None, codes=CodeSpace((2, 2), entries=5))  # type: ignore[arg-type, return-value]
    with pytest.raises(ValueError, match="indices of a codebook have no bounds"):
        component.build(UniformOptions(low=0.0), context)
