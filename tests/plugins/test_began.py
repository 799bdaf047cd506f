"""The adversarial loss `began`."""

from typing import Any

import pytest
import torch
from pydantic import ValidationError
from torch import Tensor, nn

from priorkit.interfaces import AdversarialLoss, ImageShape
from priorkit.plugins import AdversarialLossContext, NetworksContext
from priorkit.registry import installed_plugins
from priorkit_plugins.began import BEGANOptions, priorkit_adversarial_losses


def make(**options: Any) -> AdversarialLoss:
    (component,) = priorkit_adversarial_losses()
    assert component.name == "began"
    return component.build(BEGANOptions(**options), AdversarialLossContext())


def logits(*errors: float) -> Tensor:
    return -torch.tensor(errors)


def balance(loss: AdversarialLoss) -> float:
    return loss.state_dict()["k"].item()


def test_two_batches_by_hand() -> None:
    loss = make(gamma=0.5, rate=0.1)
    # k starts at 0: at first, the critic only reconstructs.
    torch.testing.assert_close(loss.real(logits(3.0, 5.0)), torch.tensor(4.0))
    torch.testing.assert_close(loss.fake(logits(1.0, 0.0)), torch.tensor(0.0))
    assert balance(loss) == pytest.approx(0.1 * (0.5 * 4 - 0.5))
    torch.testing.assert_close(loss.generator(logits(1.0, 0.0)), torch.tensor(0.5))
    # Then L(x) - k L(x'), and k + lambda (gamma L(x) - L(x')).
    torch.testing.assert_close(loss.real(logits(2.0)), torch.tensor(2.0))
    torch.testing.assert_close(loss.fake(logits(1.5)), torch.tensor(-0.15 * 1.5))
    assert balance(loss) == pytest.approx(0.15 + 0.1 * (0.5 * 2 - 1.5))


def test_the_balance_stays_between_0_and_1() -> None:
    loss = make(gamma=1.0, rate=1.0)
    loss.real(logits(0.0))
    loss.fake(logits(5.0))
    assert balance(loss) == 0
    loss.real(logits(5.0))
    loss.fake(logits(0.0))
    assert balance(loss) == 1


def test_gradients_use_the_balance_before_its_update() -> None:
    loss = make(gamma=1.0, rate=0.25)
    loss.real(logits(1.0))
    loss.fake(logits(0.0))
    errors = torch.tensor([2.0, 4.0], requires_grad=True)
    total = loss.real(-errors) + loss.fake(-errors)
    # k is changed in place before anybody asks for gradients.
    (gradient,) = torch.autograd.grad(total, errors)
    torch.testing.assert_close(gradient, torch.full((2,), (1 - 0.25) / 2))
    errors = torch.tensor([2.0, 4.0], requires_grad=True)
    (gradient,) = torch.autograd.grad(loss.generator(-errors), errors)
    torch.testing.assert_close(gradient, torch.full((2,), 0.5))


def test_the_balance_settles_where_the_errors_have_the_ratio_gamma() -> None:
    # Generated samples whose error is less the more the critic neglects them: 0.2 + k.
    loss = make(gamma=0.7, rate=0.1)
    for _ in range(300):
        loss.real(logits(1.0))
        loss.fake(logits(0.2 + balance(loss)))
    assert balance(loss) == pytest.approx(0.5, abs=1e-3)


def test_critics_that_are_no_autoencoders_are_refused() -> None:
    for critic in (nn.Linear(2, 1), nn.Sequential()):
        with pytest.raises(ValueError, match=r"an autoencoder, and (Linear|Sequential) is not; use --networks began"):
            make().check(critic)
    component = installed_plugins().get("networks", "began").component
    networks = component.build(component.options(), NetworksContext(ImageShape(1, 16)))
    make().check(networks.image_critic())
    make().check(networks.code_critic(4))


@pytest.mark.parametrize("options", [{"gamma": 0}, {"gamma": 1.5}, {"rate": 0}, {"rate": "inf"}, {"k": 0}])
def test_bad_options(options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        BEGANOptions.model_validate(options)
