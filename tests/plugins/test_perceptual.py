"""The loss `perceptual`."""

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from torch import Tensor, nn

from priorkit.interfaces import ImageCritic, ImageShape, ReconstructionLoss, frozen_statistics
from priorkit.plugins import LossContext, NetworksContext
from priorkit.registry import Registered, installed_plugins
from priorkit_plugins.perceptual import PerceptualOptions, priorkit_losses

NETWORKS = installed_plugins().components("networks")

every_family = pytest.mark.parametrize("item", NETWORKS, ids=[item.component.name for item in NETWORKS])


class SmallCritic(ImageCritic):
    """Two layers: a convolution, and a convolution with batch norm."""

    layers = 2

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, 4, 3, stride=2)
        self.second = nn.Conv2d(4, 5, 3)
        self.norm = nn.BatchNorm2d(5)

    def features(self, image: Tensor, layer: int = -1) -> Tensor:
        features = torch.tanh(self.first(image))
        return features if layer in (0, -2) else torch.tanh(self.norm(self.second(features)))

    def score(self, features: Tensor) -> Tensor:
        return features.mean((1, 2, 3))


def make(**options: Any) -> ReconstructionLoss:
    (component,) = priorkit_losses()
    assert component.name == "perceptual"
    return component.build(PerceptualOptions(**options), LossContext(ImageShape(1, 16)))


def small_critic(channels: int = 1) -> SmallCritic:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return SmallCritic(channels)


def family_critic(item: Registered) -> ImageCritic:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return item.component.build(item.component.options(), NetworksContext(ImageShape(1, 16))).image_critic()


def images(n: int, channels: int, size: int, seed: int) -> tuple[Tensor, Tensor]:
    reconstruction, image = (
        2 * torch.rand(2, n, channels, size, size, generator=torch.Generator().manual_seed(seed)) - 1
    )
    return reconstruction, image


def statistics(critic: ImageCritic) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in critic.named_buffers()}


@settings(deadline=None, max_examples=20)
@given(
    n=st.integers(2, 4),
    channels=st.sampled_from([1, 3]),
    size=st.integers(7, 12),
    layer=st.sampled_from([0, 1, -1, -2]),
    weight=st.floats(0.01, 100),
    training=st.booleans(),
    seed=st.integers(0, 2**63 - 1),
)
def test_the_plain_formula(
    n: int, channels: int, size: int, layer: int, weight: float, training: bool, seed: int
) -> None:
    critic = small_critic(channels).train(training)
    reconstruction, image = images(n, channels, size, seed)
    difference = critic.features(reconstruction, layer) - critic.features(image, layer)
    squares = difference.square().flatten(1).sum(1)
    for reduction, expected in (("sum", squares.mean()), ("mean", squares.mean() / difference[0].numel())):
        loss = make(layer=layer, reduction=reduction, weight=weight)(reconstruction, image, critic)
        assert loss.shape == ()
        assert loss.dtype == torch.float32
        torch.testing.assert_close(loss, weight * expected, rtol=1e-4, atol=1e-6)


def test_by_default_it_reads_the_last_layer() -> None:
    critic = small_critic()
    reconstruction, image = images(3, 1, 9, 0)
    loss = make()(reconstruction, image, critic)
    torch.testing.assert_close(loss, make(layer=1)(reconstruction, image, critic))
    assert not torch.isclose(loss, make(layer=0)(reconstruction, image, critic))


def test_the_target_stands_still() -> None:
    critic = small_critic().eval()
    reconstruction, image = images(2, 1, 9, 0)
    # Whoever makes both gets the gradient of the reconstruction alone.
    both = torch.tensor(1.0, requires_grad=True)
    alone = torch.tensor(1.0, requires_grad=True)
    (found,) = torch.autograd.grad(make()(both * reconstruction, both * image, critic), both)
    (expected,) = torch.autograd.grad(make()(alone * reconstruction, image, critic), alone)
    torch.testing.assert_close(found, expected)


@every_family
def test_with_every_family_of_networks(item: Registered) -> None:
    critic = family_critic(item)
    reconstruction, image = images(3, 1, 16, 0)
    reconstruction.requires_grad_()
    for layer in range(-critic.layers, critic.layers):
        before = statistics(critic)
        # As the caller does it: this pass moves none of the critic's statistics.
        with frozen_statistics(critic):
            loss = make(layer=layer)(reconstruction, image, critic)
        assert loss > 0
        (gradient,) = torch.autograd.grad(loss, reconstruction)
        assert torch.isfinite(gradient).all()
        assert gradient.abs().sum() > 0
        after = statistics(critic)
        assert all(torch.equal(after[name], value) for name, value in before.items())
        torch.testing.assert_close(make(layer=layer)(image, image, critic), torch.zeros(()))


@every_family
def test_a_layer_that_there_is_not(item: Registered) -> None:
    critic = family_critic(item)
    reconstruction, image = images(2, 1, 16, 0)
    for layer in (critic.layers, -critic.layers - 1, 99):
        with pytest.raises(ValueError, match=f"no layer {layer}"):
            make(layer=layer)(reconstruction, image, critic)


def test_batch_norm_sees_both_batches_apart() -> None:
    # In training mode, each batch is normalised by its own statistics: brightness alone makes no difference.
    class NormedPixels(SmallCritic):
        def features(self, image: Tensor, layer: int = -1) -> Tensor:
            return nn.functional.batch_norm(image, None, None, training=True)

    _, image = images(4, 1, 9, 0)
    torch.testing.assert_close(make()(0.5 * image + 0.3, image, NormedPixels(1)), torch.zeros(()), rtol=0, atol=1e-6)


@pytest.mark.parametrize("options", [{"layer": "last"}, {"reduction": "max"}, {"weight": 0}, {"weight": "inf"}])
def test_bad_options(options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        PerceptualOptions.model_validate(options)
