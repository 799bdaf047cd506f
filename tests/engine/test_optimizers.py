import copy
from collections.abc import Callable

import pytest
import torch
from torch import nn
from torch.optim import Optimizer

from priorkit.engine import make_optimizer

PLAIN: dict[str, Callable[[list[nn.Parameter]], Optimizer]] = {
    "adam": lambda weights: torch.optim.Adam(
        weights, lr=0.03, betas=(0.4, 0.9), weight_decay=0.1, foreach=False, fused=False
    ),
    "adamw": lambda weights: torch.optim.AdamW(
        weights, lr=0.03, betas=(0.4, 0.9), weight_decay=0.1, foreach=False, fused=False
    ),
    "rmsprop": lambda weights: torch.optim.RMSprop(
        weights, lr=0.03, alpha=0.9, momentum=0.4, weight_decay=0.1, foreach=False
    ),
    "sgd": lambda weights: torch.optim.SGD(
        weights, lr=0.03, momentum=0.4, weight_decay=0.1, foreach=False, fused=False
    ),
}


@pytest.mark.parametrize("name", list(PLAIN))
def test_matches_the_plain_implementation(name: str) -> None:
    generator = torch.Generator().manual_seed(0)
    start = [torch.randn(4, 3, generator=generator), torch.randn(2, 3, 5, 5, generator=generator)]
    mine, theirs = ([nn.Parameter(weight.clone()) for weight in start] for _ in range(2))
    fast = make_optimizer(name, iter(mine), learning_rate=0.03, beta1=0.4, beta2=0.9, weight_decay=0.1)
    plain = PLAIN[name](theirs)
    for _ in range(5):
        for weight, other in zip(mine, theirs, strict=True):
            weight.grad = torch.randn(weight.shape, generator=generator)
            other.grad = weight.grad.clone()
        fast.step()
        plain.step()
    for weight, other in zip(mine, theirs, strict=True):
        torch.testing.assert_close(weight, other, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", list(PLAIN))
@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_works_on_every_device(name: str, device: str) -> None:
    weight = nn.Parameter(torch.ones(3, device=device))
    optimizer = make_optimizer(name, [weight], learning_rate=0.1, beta1=0.5, beta2=0.9, weight_decay=0.0)
    weight.grad = torch.ones(3, device=device)
    optimizer.step()
    assert weight.device.type == device
    if device == "cpu":
        assert (weight < 1).all()


@pytest.mark.parametrize("name", list(PLAIN))
def test_goes_on_where_it_was_saved(name: str) -> None:
    def make(weight: nn.Parameter) -> Optimizer:
        return make_optimizer(name, [weight], learning_rate=0.1, beta1=0.5, beta2=0.9, weight_decay=0.01)

    generator = torch.Generator().manual_seed(0)
    gradients = torch.randn(6, 4, generator=generator)
    weight = nn.Parameter(torch.ones(4))
    optimizer = make(weight)
    for step, gradient in enumerate(gradients):
        if step == 3:
            other = nn.Parameter(weight.detach().clone())
            restored = make(other)
            restored.load_state_dict(copy.deepcopy(optimizer.state_dict()))
        weight.grad = gradient.clone()
        optimizer.step()
        if step >= 3:
            other.grad = gradient.clone()
            restored.step()
    assert torch.equal(weight, other)


@pytest.mark.parametrize("name", list(PLAIN))
@pytest.mark.parametrize("capturable", [False, True])
def test_steps_can_be_recorded_if_asked(name: str, capturable: bool) -> None:
    weights = [nn.Parameter(torch.ones(3, device="meta"))]
    optimizer = make_optimizer(
        name, weights, learning_rate=0.1, beta1=0.5, beta2=0.9, weight_decay=0.0, capturable=capturable
    )
    # Plain gradient descent does not count its steps, so it can be recorded unchanged.
    assert optimizer.param_groups[0].get("capturable", capturable) is capturable
