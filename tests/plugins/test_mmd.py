"""The regularizer `mmd`."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from torch import Tensor

from priorkit.errors import ConfigurationError
from priorkit.interfaces import Posterior, Regularizer
from priorkit_plugins.mmd import MMDOptions, priorkit_regularizers

KERNELS = ("imq", "rbf")


def make(**options: Any) -> Regularizer:
    (component,) = priorkit_regularizers()
    assert component.name == "mmd"
    return component.build(MMDOptions(**options), None)


def term(code: Tensor, prior_code: Tensor, **options: Any) -> Tensor:
    terms = make(**options).encoder_terms(Posterior(code, code), None, prior_code)  # type: ignore[arg-type]
    assert list(terms) == ["regularization"]
    return terms["regularization"]


def reference(code: Tensor, prior_code: Tensor, kernel: str, bandwidth: float, scales: tuple[float, ...]) -> float:
    """Eq. of Algorithm 2, pair by pair."""
    x, y = code.double().numpy(), prior_code.double().numpy()
    n, dims = x.shape

    def k(a: Any, b: Any) -> float:
        square = float(np.sum((a - b) ** 2))
        constants = [2 * dims * bandwidth**2 * scale for scale in scales]
        return sum(c / (c + square) if kernel == "imq" else math.exp(-square / c) for c in constants)

    pairs = [(i, j) for i in range(n) for j in range(n)]
    within = sum(k(x[i], x[j]) + k(y[i], y[j]) for i, j in pairs if i != j) / (n * (n - 1))
    return within - 2 * sum(k(x[i], y[j]) for i, j in pairs) / n**2


@settings(deadline=None, max_examples=20)
@given(
    n=st.integers(2, 6),
    dims=st.integers(1, 5),
    bandwidth=st.floats(0.3, 3),
    weight=st.floats(0.1, 10),
    seed=st.integers(0, 2**63 - 1),
)
@pytest.mark.parametrize("kernel", KERNELS)
def test_the_unbiased_estimate(kernel: str, n: int, dims: int, bandwidth: float, weight: float, seed: int) -> None:
    code, prior_code = torch.randn(2, n, dims, generator=torch.Generator().manual_seed(seed))
    scales = (0.5, 2.0)
    found = term(code, prior_code + 1, kernel=kernel, bandwidth=bandwidth, scales=scales, weight=weight)
    assert found.shape == ()
    expected = weight * reference(code, prior_code + 1, kernel, bandwidth, scales)
    assert found.item() == pytest.approx(expected, rel=1e-4, abs=1e-5 * weight)


@pytest.mark.parametrize("kernel", KERNELS)
def test_two_codes_by_hand(kernel: str) -> None:
    # One dimension, C = 2: distances 1 among the data's, 2 among the prior's, 0, 2, 1 and 1 between.
    code, prior_code = torch.tensor([[0.0], [1.0]]), torch.tensor([[0.0], [2.0]])

    def k(distance: float) -> float:
        return 2 / (2 + distance**2) if kernel == "imq" else math.exp(-(distance**2) / 2)

    expected = k(1) + k(2) - (k(0) + k(2) + k(1) + k(1)) / 2
    assert term(code, prior_code, kernel=kernel, scales=(1,)).item() == pytest.approx(expected)


@pytest.mark.parametrize("kernel", KERNELS)
def test_it_is_unbiased_and_sees_a_difference(kernel: str) -> None:
    generator = torch.Generator().manual_seed(0)
    estimates = torch.stack([term(*torch.randn(2, 16, 3, generator=generator), kernel=kernel) for _ in range(200)])
    # Five standard errors.
    assert estimates.mean().abs() < 5 * estimates.std() / math.sqrt(200)
    assert estimates.min() < 0
    code, prior_code = torch.randn(2, 64, 3, generator=generator)
    for other in (code + 1, 2 * code, torch.zeros_like(code) + 0.1 * code):
        assert term(other, prior_code, kernel=kernel) > 10 * estimates.std() / 4


@pytest.mark.parametrize("kernel", KERNELS)
def test_descending_it_brings_codes_to_the_prior(kernel: str) -> None:
    generator = torch.Generator().manual_seed(0)
    code = 0.2 * torch.randn(64, 2, generator=generator) + 2
    for _ in range(150):
        code.requires_grad_()
        (gradient,) = torch.autograd.grad(term(code, torch.randn(64, 2, generator=generator), kernel=kernel), code)
        code = (code - 8 * gradient).detach()
    assert code.mean(0).norm() < 0.4
    assert 0.6 < code.std() < 1.4


def test_a_prior_that_learns_by_likelihood_gets_its_gradient() -> None:
    generator = torch.Generator().manual_seed(0)
    code, prior_code = torch.randn(2, 32, 3, generator=generator)
    shift = torch.zeros(3, requires_grad=True)
    (gradient,) = torch.autograd.grad(term(code + 1, prior_code + shift), shift)
    assert (gradient < 0).all(), "the prior is to move to the codes"


def test_one_code_has_nothing_to_be_compared_with() -> None:
    with pytest.raises(ConfigurationError, match="at least --batch-size 2"):
        term(torch.zeros(1, 3), torch.zeros(1, 3))


@pytest.mark.parametrize(
    "options", [{"kernel": "linear"}, {"scales": []}, {"scales": [1, 0]}, {"bandwidth": 0}, {"weight": 0}]
)
def test_bad_options(options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        MMDOptions.model_validate(options)
