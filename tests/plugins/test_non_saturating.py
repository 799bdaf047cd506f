"""The adversarial loss `non-saturating`."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, sigmoid

from priorkit.interfaces import AdversarialLoss
from priorkit.plugins import AdversarialLossContext
from priorkit_plugins.non_saturating import NonSaturatingOptions, priorkit_adversarial_losses

PARTS = ("real", "fake", "generator")
smoothings = st.floats(0, 0.5, exclude_max=True)


def make(smoothing: float = 0.0) -> AdversarialLoss:
    (component,) = priorkit_adversarial_losses()
    assert component.name == "non-saturating"
    return component.build(NonSaturatingOptions(smoothing=smoothing), AdversarialLossContext())


def part(name: str, logits: Tensor, smoothing: float = 0.0) -> Tensor:
    return getattr(make(smoothing), name)(logits)


def target(name: str, smoothing: float) -> float:
    return {"real": 1 - smoothing, "fake": 0.0, "generator": 1.0}[name]


@settings(deadline=None, max_examples=50)
@given(n=st.integers(1, 9), scale=st.floats(0.1, 30), smoothing=smoothings, seed=st.integers(0, 2**63 - 1))
@pytest.mark.parametrize("name", PARTS)
def test_values_and_gradients_are_those_of_cross_entropy(
    name: str, n: int, scale: float, smoothing: float, seed: int
) -> None:
    logits = (scale * torch.randn(n, generator=torch.Generator().manual_seed(seed))).requires_grad_()
    targets = torch.full((n,), target(name, smoothing))
    expected = binary_cross_entropy_with_logits(logits, targets)
    found = part(name, logits, smoothing)
    assert found.shape == ()
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6)
    (gradient,) = torch.autograd.grad(found, logits)
    torch.testing.assert_close(gradient, (sigmoid(logits.detach()) - targets) / n, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    ("name", "logit", "value"),
    [
        ("real", 0.0, math.log(2)),
        ("fake", 0.0, math.log(2)),
        ("generator", 0.0, math.log(2)),
        # D = 3/4
        ("real", math.log(3), math.log(4 / 3)),
        ("fake", math.log(3), math.log(4)),
        ("generator", -math.log(3), math.log(4)),
    ],
)
def test_by_hand(name: str, logit: float, value: float) -> None:
    torch.testing.assert_close(part(name, torch.tensor([logit])), torch.tensor(value))


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("name", PARTS)
@pytest.mark.parametrize("logit", [-1e30, -1e4, -100.0, 100.0, 1e4, 1e30])
def test_large_logits_stay_finite(name: str, logit: float, smoothing: float) -> None:
    logits = torch.tensor([logit, logit], requires_grad=True)
    loss = part(name, logits, smoothing)
    (gradient,) = torch.autograd.grad(loss, logits)
    probability = float(logit > 0)
    expected = target(name, smoothing)
    # Far out, the cross-entropy is the logit's size where it is wrong, and nothing where it is right.
    wrong = expected if logit < 0 else 1 - expected
    torch.testing.assert_close(loss.item(), wrong * abs(logit), rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(gradient, torch.full((2,), (probability - expected) / 2))


def test_the_generator_learns_where_the_critic_is_sure() -> None:
    logits = torch.tensor([-50.0], requires_grad=True)
    (gradient,) = torch.autograd.grad(part("generator", logits), logits)
    torch.testing.assert_close(gradient, torch.tensor([-1.0]))


def test_smoothing_puts_the_best_critic_at_its_target() -> None:
    logit = torch.tensor([math.log(0.9 / 0.1)], requires_grad=True)
    (gradient,) = torch.autograd.grad(part("real", logit, smoothing=0.1), logit)
    torch.testing.assert_close(gradient, torch.zeros(1), rtol=0, atol=1e-6)


def test_smoothing_is_one_sided() -> None:
    logits = torch.randn(9, generator=torch.Generator().manual_seed(0))
    for name in ("fake", "generator"):
        assert torch.equal(part(name, logits, 0.3), part(name, logits))


def test_it_has_no_parameters() -> None:
    assert list(make().parameters()) == []


@pytest.mark.parametrize("smoothing", [-0.1, 0.5, 1, "nan"])
def test_bad_options(smoothing: object) -> None:
    with pytest.raises(ValidationError):
        NonSaturatingOptions.model_validate({"smoothing": smoothing})
