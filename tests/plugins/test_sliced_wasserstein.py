"""The regularizer `sliced-wasserstein`."""

from typing import Any

import pytest
import scipy.optimize
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from torch import Tensor

from priorkit.errors import ConfigurationError
from priorkit.interfaces import Posterior, Regularizer
from priorkit.plugins import RegularizerContext
from priorkit_plugins.sliced_wasserstein import SlicedWassersteinOptions, priorkit_regularizers


def make(code_dim: int = 3, seed: int = 0, **options: Any) -> Regularizer:
    (component,) = priorkit_regularizers()
    assert component.name == "sliced-wasserstein"
    context = RegularizerContext(None, code_dim, None)  # type: ignore[arg-type]
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return component.build(SlicedWassersteinOptions(**options), context)


def term(regularizer: Regularizer, code: Tensor, prior_code: Tensor) -> Tensor:
    terms = regularizer.encoder_terms(Posterior(code, code), None, prior_code)  # type: ignore[arg-type]
    assert list(terms) == ["regularization"]
    return terms["regularization"]


def codes(n: int, code_dim: int, seed: int = 0) -> Tensor:
    return torch.randn(2, n, code_dim, generator=torch.Generator().manual_seed(seed))


@settings(deadline=None, max_examples=20)
@given(n=st.integers(1, 7), dims=st.integers(1, 5), weight=st.floats(0.1, 10), seed=st.integers(0, 2**32 - 1))
def test_the_cost_is_that_of_the_best_transport(n: int, dims: int, weight: float, seed: int) -> None:
    regularizer = make(dims, seed, projections=4, directions=4, weight=weight)
    code, prior_code = codes(n, dims, seed)
    costs = []
    for direction in regularizer.state_dict()["directions"].double():
        squares = ((code.double() @ direction)[:, None] - (prior_code.double() @ direction)[None]).square().numpy()
        costs.append(squares[scipy.optimize.linear_sum_assignment(squares)].mean())
    found = term(regularizer, code, prior_code)
    assert found.shape == ()
    assert found.item() == pytest.approx(weight * sum(costs) / 4, rel=1e-4, abs=1e-6)


def test_directions_are_taken_in_turn() -> None:
    regularizer = make(projections=2, directions=5)
    code, prior_code = codes(6, 3)
    directions = regularizer.state_dict()["directions"]
    torch.testing.assert_close(directions.norm(dim=1), torch.ones(5))

    def expected(first: int, second: int) -> Tensor:
        chosen = directions[[first, second]]
        data, wanted = ((part @ chosen.T).sort(0).values for part in (code, prior_code))
        return (data - wanted).square().mean()

    for pair in ((0, 1), (2, 3), (4, 0), (1, 2)):
        torch.testing.assert_close(term(regularizer, code, prior_code), expected(*pair))
    # Looking at the loss takes no turn.
    with torch.no_grad():
        torch.testing.assert_close(term(regularizer, code, prior_code), expected(3, 4))
    torch.testing.assert_close(term(regularizer, code, prior_code), expected(3, 4))


def test_a_resumed_one_goes_on() -> None:
    code, prior_code = codes(6, 3)
    first, second = make(projections=2, directions=7), make(seed=1, projections=2, directions=7)
    assert not torch.equal(term(first, code, prior_code), term(second, code, prior_code))
    second.load_state_dict(first.state_dict())
    for _ in range(5):
        assert torch.equal(term(first, code, prior_code), term(second, code, prior_code))


def test_directions_point_everywhere() -> None:
    directions = make(4, directions=4000).state_dict()["directions"]
    # Uniform on the sphere: mean 0, second moments I / 4; standard errors below 0.01.
    torch.testing.assert_close(directions.mean(0), torch.zeros(4), rtol=0, atol=0.05)
    torch.testing.assert_close(directions.T @ directions / 4000, torch.eye(4) / 4, rtol=0, atol=0.05)


@pytest.mark.parametrize(("code_dim", "projections", "expected"), [(3, 50, 1000), (700, 50, 1400), (3, 2000, 2000)])
def test_how_many_directions_there_are(code_dim: int, projections: int, expected: int) -> None:
    directions = make(code_dim, projections=projections).state_dict()["directions"]
    assert directions.shape == (expected, code_dim)


def test_descending_it_brings_codes_to_the_prior() -> None:
    regularizer, generator = make(2), torch.Generator().manual_seed(0)
    code = 0.2 * torch.randn(64, 2, generator=generator) + 2
    for _ in range(60):
        code.requires_grad_()
        (gradient,) = torch.autograd.grad(term(regularizer, code, torch.randn(64, 2, generator=generator)), code)
        code = (code - 10 * gradient).detach()
    assert code.mean(0).norm() < 0.3
    assert 0.8 < code.std() < 1.2


def test_a_prior_that_learns_by_likelihood_gets_its_gradient() -> None:
    code, prior_code = codes(32, 3)
    shift = torch.zeros(3, requires_grad=True)
    (gradient,) = torch.autograd.grad(term(make(), code + 1, prior_code + shift), shift)
    assert (gradient < 0).all(), "the prior is to move to the codes"


def test_it_has_no_critic() -> None:
    assert not make().has_critic
    assert make().needs_whole_batch
    assert set(make().state_dict()) == {"directions", "turn"}


def test_too_few_directions() -> None:
    with pytest.raises(ConfigurationError, match=r"--regularizer\.directions 9 is fewer than the 10 .* 9$"):
        make(projections=10, directions=9)


@pytest.mark.parametrize("options", [{"projections": 0}, {"directions": 0}, {"weight": 0}, {"weight": "inf"}])
def test_bad_options(options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        SlicedWassersteinOptions.model_validate(options)
