"""The adversarial loss `wasserstein-gp`."""

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from torch import Tensor, nn

from priorkit.interfaces import AdversarialLoss, ImageShape
from priorkit.plugins import AdversarialLossContext, NetworksContext
from priorkit.registry import installed_plugins
from priorkit_plugins.wasserstein_gp import WassersteinGPOptions, priorkit_adversarial_losses


def make(**options: Any) -> AdversarialLoss:
    (component,) = priorkit_adversarial_losses()
    assert component.name == "wasserstein-gp"
    return component.build(WassersteinGPOptions(**options), AdversarialLossContext())


def image_critic(family: str, **options: Any) -> nn.Module:
    component = installed_plugins().get("networks", family).component
    with torch.random.fork_rng():
        torch.manual_seed(0)
        networks = component.build(component.options(width=2, **options), NetworksContext(ImageShape(1, 16)))
        return networks.image_critic()


def samples(n: int, dims: int, seed: int) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    real, fake = torch.randn(2, n, dims, generator=generator)
    return real, fake, torch.rand(n, generator=generator)


@pytest.mark.parametrize(("part", "value"), [("real", -1.0), ("fake", 1.0), ("generator", -1.0)])
def test_the_players_by_hand(part: str, value: float) -> None:
    torch.testing.assert_close(getattr(make(), part)(torch.tensor([3.0, -1.0])), torch.tensor(value))


@settings(deadline=None, max_examples=20)
@given(n=st.integers(1, 6), dims=st.integers(1, 6), weight=st.floats(0.1, 20), seed=st.integers(0, 2**63 - 1))
def test_the_penalty_of_a_linear_critic(n: int, dims: int, weight: float, seed: int) -> None:
    real, fake, mixing = samples(n, dims, seed)
    slope = torch.randn(dims, generator=torch.Generator().manual_seed(seed + 1), requires_grad=True)
    penalty = make(penalty=weight).penalty(lambda x: x @ slope, real, fake, mixing)
    expected = weight * (slope.norm() - 1).square()
    torch.testing.assert_close(penalty, expected, rtol=1e-4, atol=1e-6)
    # The gradient of the gradient, which the critic learns from.
    (found,), (wanted,) = torch.autograd.grad(penalty, slope), torch.autograd.grad(expected, slope)
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-4)


def test_where_the_penalty_looks() -> None:
    # D(x) = |x|^2 / 2 has the gradient x: its norm is that of the mixture itself.
    real, fake, mixing = torch.tensor([[4.0], [4.0], [2.0]]), torch.tensor([[0.0], [2.0], [-2.0]]), torch.rand(3)
    mixing = torch.tensor([0.0, 0.5, 0.75])
    penalty = make().penalty(lambda x: x.square().sum(1) / 2, real, fake, mixing)
    # At 0, 3 and 1.
    torch.testing.assert_close(penalty, torch.tensor(10 * (1 + 4 + 0) / 3))


def test_the_norm_is_one_samples_over_all_of_its_pixels() -> None:
    real, fake = torch.zeros(2, 3, 4, 4), torch.ones(2, 3, 4, 4)
    penalty = make(penalty=1).penalty(lambda x: x.flatten(1).sum(1), real, fake, torch.rand(2))
    torch.testing.assert_close(penalty, torch.tensor((48**0.5 - 1) ** 2))


def test_a_critic_without_slope_has_finite_gradients() -> None:
    slope = torch.zeros(3, requires_grad=True)
    real, fake, mixing = samples(2, 3, 0)
    penalty = make().penalty(lambda x: x @ slope, real, fake, mixing)
    torch.testing.assert_close(penalty, torch.tensor(10.0))
    (gradient,) = torch.autograd.grad(penalty, slope)
    assert gradient.isfinite().all()


@pytest.mark.parametrize("critic_norm", ["layer", "none"])
@pytest.mark.parametrize("family", ["residual", "dcgan"])
def test_a_critic_learns_a_slope_of_one(family: str, critic_norm: str) -> None:
    critic = image_critic(family, critic_norm=critic_norm)
    loss = make()
    loss.check(critic)
    real, fake, mixing = samples(8, 256, 0)
    images = [batch.view(8, 1, 16, 16).tanh() for batch in (real, fake)]
    optimizer = torch.optim.Adam(critic.parameters(), lr=1e-2)
    penalties = []
    for _ in range(40):
        optimizer.zero_grad()
        penalty = loss.penalty(critic, *images, mixing)
        penalty.backward()
        optimizer.step()
        penalties.append(penalty.item())
    assert penalties[-1] < 0.2 * penalties[0]


def test_nothing_flows_to_the_samples() -> None:
    real, fake, mixing = samples(2, 3, 0)
    fake.requires_grad_()
    slope = torch.ones(3, requires_grad=True)
    penalty = make().penalty(lambda x: x.square() @ slope, real, fake, mixing)
    assert torch.autograd.grad(penalty, fake, allow_unused=True) == (None,)


def test_under_autocast_it_is_computed_in_float32() -> None:
    critic = image_critic("dcgan", critic_norm="layer")
    real, fake, mixing = samples(4, 256, 0)
    images = [batch.view(4, 1, 16, 16) for batch in (real, fake)]
    expected = make().penalty(critic, *images, mixing)
    with torch.autocast("cpu", torch.bfloat16):
        found = make().penalty(critic, images[0], images[1].bfloat16().float(), mixing)
        same = make().penalty(critic, *images, mixing)
    assert found.dtype == torch.float32
    torch.testing.assert_close(same, expected)
    found.backward()
    assert all(weight.grad is not None for weight in critic.parameters() if weight.ndim == 4)


@pytest.mark.parametrize("family", ["residual", "dcgan"])
def test_batch_norm_is_refused_and_the_option_named(family: str) -> None:
    with pytest.raises(ValueError, match=r"without batch norm.*--networks\.critic-norm layer") as error:
        make().check(image_critic(family))
    assert "\n" not in str(error.value)
    make().check(nn.Linear(2, 1))


def test_it_has_a_penalty_and_no_state() -> None:
    assert make().has_penalty
    assert not make().needs_whole_batch
    assert make().state_dict() == {}


@pytest.mark.parametrize("options", [{"penalty": 0}, {"penalty": "nan"}, {"weight": 1}])
def test_bad_options(options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        WassersteinGPOptions.model_validate(options)
