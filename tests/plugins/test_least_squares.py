"""The adversarial loss `least-squares`."""

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from priorkit.interfaces import AdversarialLoss
from priorkit.plugins import AdversarialLossContext
from priorkit_plugins.least_squares import LeastSquaresOptions, priorkit_adversarial_losses


def make(**options: Any) -> AdversarialLoss:
    (component,) = priorkit_adversarial_losses()
    assert component.name == "least-squares"
    return component.build(LeastSquaresOptions(**options), AdversarialLossContext())


@pytest.mark.parametrize(
    ("options", "part", "value"),
    [
        # Outputs 3 and -1, Eq. 9 of the paper: targets 0, 1, 1.
        ({}, "real", (4 + 4) / 4),
        ({}, "fake", (9 + 1) / 4),
        ({}, "generator", (4 + 4) / 4),
        # Eq. 8: targets -1, 1, 0.
        ({"a": -1, "b": 1, "c": 0}, "real", (4 + 4) / 4),
        ({"a": -1, "b": 1, "c": 0}, "fake", (16 + 0) / 4),
        ({"a": -1, "b": 1, "c": 0}, "generator", (9 + 1) / 4),
    ],
)
def test_by_hand(options: dict[str, float], part: str, value: float) -> None:
    loss = getattr(make(**options), part)(torch.tensor([3.0, -1.0]))
    assert loss.shape == ()
    torch.testing.assert_close(loss, torch.tensor(value))


@settings(deadline=None, max_examples=20)
@given(n=st.integers(1, 9), seed=st.integers(0, 2**63 - 1))
@pytest.mark.parametrize(("part", "target"), [("real", 1.0), ("fake", 0.0), ("generator", 1.0)])
def test_gradients_lead_to_the_targets(part: str, target: float, n: int, seed: int) -> None:
    outputs = torch.randn(n, generator=torch.Generator().manual_seed(seed), requires_grad=True)
    (gradient,) = torch.autograd.grad(getattr(make(), part)(outputs), outputs)
    torch.testing.assert_close(gradient, (outputs.detach() - target) / n)


def test_the_best_critic_is_the_papers() -> None:
    # Eq. 5: D* = (b p_data + a p_g) / (p_data + p_g) where three of four samples are real.
    loss, output = make(a=-2.0, b=3.0), torch.tensor([0.0], requires_grad=True)
    for _ in range(200):
        total = 0.75 * loss.real(output) + 0.25 * loss.fake(output)
        output = (output - 0.5 * torch.autograd.grad(total, output)[0]).detach().requires_grad_()
    torch.testing.assert_close(output.detach(), torch.tensor([0.75 * 3 - 0.25 * 2]))


def test_it_takes_any_critic_and_has_no_state() -> None:
    make().check(torch.nn.BatchNorm1d(2))
    assert not make().has_penalty
    assert make().state_dict() == {}


@pytest.mark.parametrize("options", [{"a": "nan"}, {"b": "one"}, {"d": 1}])
def test_bad_options(options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        LeastSquaresOptions.model_validate(options)
