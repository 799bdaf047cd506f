"""The regularizer `sliced-wasserstein`."""

from typing import Any

import pytest
import scipy.optimize
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from torch import Tensor

from priorkit.interfaces import Posterior, Regularizer
from priorkit.plugins import RegularizerContext
from priorkit_plugins.sliced_wasserstein import SlicedWassersteinOptions, priorkit_regularizers


def make(code_dim: int = 3, **options: Any) -> Regularizer:
    (component,) = priorkit_regularizers()
    assert component.name == "sliced-wasserstein"
    context = RegularizerContext(None, code_dim, None)  # type: ignore[arg-type]
    return component.build(SlicedWassersteinOptions(**options), context)


def term(regularizer: Regularizer, code: Tensor, prior_code: Tensor, noise: Tensor) -> Tensor:
    terms = regularizer.encoder_terms(Posterior(code, code), None, prior_code, noise=noise)  # type: ignore[arg-type]
    assert list(terms) == ["regularization"]
    return terms["regularization"]


def drawn(regularizer: Regularizer, n: int, seed: int = 0) -> Tensor:
    return regularizer.encoder_noise(n, generator=torch.Generator().manual_seed(seed))


def codes(n: int, code_dim: int, seed: int = 0) -> Tensor:
    return torch.randn(2, n, code_dim, generator=torch.Generator().manual_seed(seed))


@settings(deadline=None, max_examples=20)
@given(
    n=st.integers(1, 7),
    dims=st.integers(1, 5),
    projections=st.integers(1, 9),
    weight=st.floats(0.1, 10),
    seed=st.integers(0, 2**32 - 1),
)
def test_the_cost_is_that_of_the_best_transport(n: int, dims: int, projections: int, weight: float, seed: int) -> None:
    regularizer = make(dims, projections=projections, weight=weight)
    code, prior_code = codes(n, dims, seed)
    noise = drawn(regularizer, n, seed)
    costs = []
    for vector in noise.double().reshape(-1, dims)[:projections]:
        direction = vector / vector.norm()
        squares = ((code.double() @ direction)[:, None] - (prior_code.double() @ direction)[None]).square().numpy()
        costs.append(squares[scipy.optimize.linear_sum_assignment(squares)].mean())
    assert len(costs) == projections
    found = term(regularizer, code, prior_code, noise)
    assert found.shape == ()
    assert found.item() == pytest.approx(weight * sum(costs) / projections, rel=1e-4, abs=1e-6)


@pytest.mark.parametrize(("n", "projections", "each"), [(5, 50, 10), (7, 50, 8), (64, 50, 1), (1, 3, 3)])
def test_each_image_brings_some_directions(n: int, projections: int, each: int) -> None:
    assert drawn(make(4, projections=projections), n).shape == (n, each, 4)


def test_directions_point_everywhere() -> None:
    noise = drawn(make(4, projections=4000), 1)
    # Isotropic: mean 0, second moments I; standard errors below 0.025.
    torch.testing.assert_close(noise.mean((0, 1)), torch.zeros(4), rtol=0, atol=0.12)
    torch.testing.assert_close(noise[0].T @ noise[0] / 4000, torch.eye(4), rtol=0, atol=0.12)


def test_descending_it_brings_codes_to_the_prior() -> None:
    regularizer, generator = make(2), torch.Generator().manual_seed(0)
    code = 0.2 * torch.randn(64, 2, generator=generator) + 2
    for seed in range(60):
        code.requires_grad_()
        distance = term(regularizer, code, torch.randn(64, 2, generator=generator), drawn(regularizer, 64, seed))
        (gradient,) = torch.autograd.grad(distance, code)
        code = (code - 10 * gradient).detach()
    assert code.mean(0).norm() < 0.3
    assert 0.8 < code.std() < 1.2


def test_a_prior_that_learns_by_likelihood_gets_its_gradient() -> None:
    code, prior_code = codes(32, 3)
    shift = torch.zeros(3, requires_grad=True)
    regularizer = make()
    (gradient,) = torch.autograd.grad(term(regularizer, code + 1, prior_code + shift, drawn(regularizer, 32)), shift)
    assert (gradient < 0).all(), "the prior is to move to the codes"


def test_it_has_no_critic_and_keeps_nothing() -> None:
    assert not make().has_critic
    assert make().needs_whole_batch
    assert not make().state_dict()


@pytest.mark.parametrize("options", [{"projections": 0}, {"weight": 0}, {"weight": "inf"}])
def test_bad_options(options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        SlicedWassersteinOptions.model_validate(options)
