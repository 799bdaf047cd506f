"""The networks `began`; test_networks.py holds them against what every family must do."""

import pytest
import torch
from torch import nn

from priorkit.errors import ConfigurationError
from priorkit.interfaces import ImageShape, Networks
from priorkit.plugins import NetworksContext
from priorkit_plugins.began_networks import BEGANNetworksOptions, priorkit_networks


def build(channels: int = 1, size: int = 16, width: int = 3, hidden: int = 5) -> Networks:
    [component] = priorkit_networks()
    assert component.name == "began"
    options = BEGANNetworksOptions(width=width, hidden=hidden, code_critic_width=20)
    torch.manual_seed(0)
    return component.build(options, NetworksContext(ImageShape(channels, size)))


def convolutions(module: nn.Module) -> list[tuple[int, int, int]]:
    layers = [layer for layer in module.modules() if isinstance(layer, nn.Conv2d)]
    assert {layer.kernel_size for layer in layers} == {(3, 3)}
    return [(layer.in_channels, layer.out_channels, layer.stride[0]) for layer in layers]


def test_the_architecture_of_figure_1() -> None:
    networks = build(3, 32, width=64, hidden=64)
    n = 64
    down = [(3, n, 1), (n, n, 1), (n, n, 1), (n, 2 * n, 2), (2 * n, 2 * n, 1), (2 * n, 2 * n, 1)]
    down += [(2 * n, 3 * n, 2), (3 * n, 3 * n, 1), (3 * n, 3 * n, 1)]
    up = [(n, n, 1)] * 6 + [(n, 3, 1)]
    encoder, decoder, critic = networks.encoder(10), networks.decoder(10), networks.image_critic()
    assert convolutions(encoder) == down
    assert convolutions(decoder) == up
    # The generator has the architecture of the critic's decoder, and the encoder that of its encoder.
    assert convolutions(critic) == down + up
    linear = [layer for layer in critic.modules() if isinstance(layer, nn.Linear)]
    assert [(layer.in_features, layer.out_features) for layer in linear] == [(3 * n * 64, 64), (64, n * 64)]
    assert not any(isinstance(layer, nn.BatchNorm2d) for layer in critic.modules())
    assert sum(isinstance(layer, nn.Upsample) for layer in decoder.modules()) == 2


def test_the_image_critic_scores_by_its_error() -> None:
    critic = build().image_critic()
    image = 2 * torch.rand(3, 1, 16, 16, generator=torch.Generator().manual_seed(0)) - 1
    reconstruction = critic.head(critic.features(image))  # type: ignore[operator]
    expected = -(reconstruction - image).abs().mean((1, 2, 3))
    torch.testing.assert_close(critic(image), expected)
    assert critic.features(image).shape == (3, 5)
    assert critic.is_autoencoder


def test_the_condition_stands_beside_the_embedding() -> None:
    critic = build().image_critic(2)
    image, condition = torch.rand(3, 1, 16, 16), torch.randn(3, 2)
    seen = torch.cat([critic.features(image), condition], dim=1)
    torch.testing.assert_close(critic(image, condition), -(critic.head(seen) - image).abs().mean((1, 2, 3)))  # type: ignore[operator]


def test_the_code_critic_scores_by_its_error_too() -> None:
    critic = build().code_critic(6)
    code = torch.randn(4, 6, generator=torch.Generator().manual_seed(0))
    middle = critic.encoder(code)  # type: ignore[operator]
    assert middle.shape == (4, 3)
    torch.testing.assert_close(critic(code), -(critic.decoder(middle) - code).abs().mean(1))  # type: ignore[operator]
    assert build().code_critic(1)(torch.zeros(2, 1)).shape == (2,)


def test_features_alone_have_no_score() -> None:
    networks = build()
    with pytest.raises(ConfigurationError, match=r"--networks began: .* not by features alone; choose other networks"):
        networks.image_critic().score(torch.zeros(2, 5))
    with pytest.raises(ConfigurationError, match="no classifier Q"):
        networks.recogniser(3)


@pytest.mark.parametrize("part", ["image", "code"])
def test_a_critic_learns_to_reconstruct(part: str) -> None:
    networks = build()
    critic: nn.Module = networks.image_critic() if part == "image" else networks.code_critic(6)
    generator = torch.Generator().manual_seed(0)
    shape = (8, 1, 16, 16) if part == "image" else (8, 6)
    samples = 0.5 * torch.randn(shape, generator=generator).clamp(-1, 1)
    samples[:, 1:] = samples[:, :1]  # of few dimensions
    optimizer = torch.optim.Adam(critic.parameters(), lr=3e-3)
    errors = []
    for _ in range(60):
        optimizer.zero_grad()
        error = -critic(samples).mean()
        error.backward()
        optimizer.step()
        errors.append(error.item())
    assert errors[-1] < 0.9 * errors[0]
