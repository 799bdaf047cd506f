import pytest
import torch
from torch import nn

from priorkit.interfaces import ImageShape
from priorkit.plugins import NetworksContext
from priorkit_plugins.mlp_networks import MLPNetworksOptions, priorkit_networks
from priorkit_plugins.mlp_networks.networks import MLPNetworks


def build(shape: ImageShape, hidden: int, layers: int) -> MLPNetworks:
    [component] = priorkit_networks()
    networks = component.build(MLPNetworksOptions(hidden=hidden, layers=layers), NetworksContext(shape))
    assert isinstance(networks, MLPNetworks)
    return networks


def linear_shapes(module: nn.Module) -> list[tuple[int, int]]:
    return [(part.in_features, part.out_features) for part in module.modules() if isinstance(part, nn.Linear)]


def test_shape_of_the_first_adversarial_autoencoder() -> None:
    with torch.device("meta"):
        networks = build(ImageShape(1, 28), 1000, 2)
        encoder, decoder = networks.encoder(8), networks.decoder(8)
        image_critic, code_critic = networks.image_critic(), networks.code_critic(8)
        assert decoder(encoder(torch.empty(2, 1, 28, 28))).shape == (2, 1, 28, 28)
    hidden = (1000, 1000)
    assert linear_shapes(encoder) == [(784, 1000), hidden, (1000, 8)]
    assert linear_shapes(decoder) == [(8, 1000), hidden, (1000, 784)]
    assert linear_shapes(image_critic) == [(784, 1000), hidden, (1000, 1)]
    assert linear_shapes(code_critic) == [(8, 1000), hidden, (1000, 1)]


@pytest.mark.parametrize("layers", [1, 2, 3])
def test_every_hidden_layer_of_the_image_critic_is_a_feature_layer(layers: int) -> None:
    critic = build(ImageShape(3, 16), 5, layers).image_critic()
    assert critic.layers == layers
    assert all(critic.features(torch.zeros(2, 3, 16, 16), layer).shape == (2, 5) for layer in range(layers))


def test_activations() -> None:
    networks = build(ImageShape(1, 16), 4, 2)
    for module, expected in [
        (networks.encoder(3), [nn.ReLU, nn.ReLU]),
        (networks.decoder(3), [nn.ReLU, nn.ReLU, nn.Tanh]),
        (networks.image_critic(), [nn.LeakyReLU, nn.LeakyReLU]),
        (networks.code_critic(3), [nn.LeakyReLU, nn.LeakyReLU]),
    ]:
        assert [
            type(part) for part in module.modules() if isinstance(part, nn.ReLU | nn.LeakyReLU | nn.Tanh)
        ] == expected
