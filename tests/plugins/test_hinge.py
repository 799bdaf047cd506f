"""The adversarial loss `hinge`."""

import pytest
import torch
from pydantic import ValidationError
from torch import Tensor, nn

from priorkit.interfaces import AdversarialLoss
from priorkit.plugins import AdversarialLossContext
from priorkit_plugins.hinge import HingeOptions, priorkit_adversarial_losses

OUTPUTS = torch.tensor([3.0, 0.5, -1.0, -4.0])


def make() -> AdversarialLoss:
    (component,) = priorkit_adversarial_losses()
    assert component.name == "hinge"
    return component.build(HingeOptions(), AdversarialLossContext())


def part(name: str, outputs: Tensor) -> Tensor:
    loss: Tensor = getattr(make(), name)(outputs)
    return loss


@pytest.mark.parametrize(
    ("name", "value", "slope"),
    [
        ("real", (0 + 0.5 + 2 + 5) / 4, [0.0, -0.25, -0.25, -0.25]),
        ("fake", (4 + 1.5 + 0 + 0) / 4, [0.25, 0.25, 0.0, 0.0]),
        ("generator", 1.5 / 4, [-0.25] * 4),
    ],
)
def test_by_hand(name: str, value: float, slope: list[float]) -> None:
    outputs = OUTPUTS.clone().requires_grad_()
    loss = part(name, outputs)
    assert loss.shape == ()
    torch.testing.assert_close(loss, torch.tensor(value))
    # Beyond the margin, the critic learns nothing; the generator always does.
    (gradient,) = torch.autograd.grad(loss, outputs)
    torch.testing.assert_close(gradient, torch.tensor(slope))


def test_it_takes_any_critic_and_has_no_state() -> None:
    make().check(nn.BatchNorm1d(2))
    assert not make().has_penalty
    assert make().state_dict() == {}


def test_it_has_no_options() -> None:
    with pytest.raises(ValidationError):
        HingeOptions.model_validate({"margin": 1})
