import pytest
import torch
from torch import nn

from priorkit.interfaces import ImageShape
from priorkit.plugins import NetworksContext
from priorkit_plugins.dcgan_networks import DCGANNetworksOptions, priorkit_networks
from priorkit_plugins.dcgan_networks.networks import DCGANNetworks


def build(channels: int, size: int, width: int) -> DCGANNetworks:
    [component] = priorkit_networks()
    networks = component.build(DCGANNetworksOptions(width=width), NetworksContext(ImageShape(channels, size)))
    assert isinstance(networks, DCGANNetworks)
    return networks


def test_decoder_is_the_generator_of_figure_1() -> None:
    with torch.device("meta"):
        decoder = build(3, 64, 128).decoder(100)
        image, shapes = torch.empty(2, 100), []
        for layer in decoder:
            image = layer(image)
            shapes.append(tuple(image.shape[1:]))
    final = (3, 64, 64)
    assert shapes == [(1024, 4, 4), (512, 8, 8), (256, 16, 16), (128, 32, 32), final, final]
    assert isinstance(decoder[-1], nn.Tanh)
    up = [part for part in decoder.modules() if isinstance(part, nn.ConvTranspose2d)]
    assert {(part.kernel_size, part.stride) for part in up} == {((4, 4), (2, 2))}
    # Batch norm everywhere but at the output, and ReLU.
    assert sum(isinstance(part, nn.BatchNorm2d) for part in decoder.modules()) == len(up)
    assert sum(isinstance(part, nn.ReLU) for part in decoder.modules()) == len(up)


def test_encoder_and_image_critic_differ_only_in_their_outputs() -> None:
    networks = build(1, 32, 4)
    encoder, critic = networks.encoder(6), networks.image_critic()
    shapes = [[parameter.shape for parameter in module.parameters()] for module in (encoder, critic)]
    assert shapes[0][:-2] == shapes[1][:-2]
    assert (shapes[0][-2:], shapes[1][-2:]) == ([(6, 256), (6,)], [(1, 256), (1,)])
    assert [critic.features(torch.zeros(2, 1, 32, 32), layer).shape[1:] for layer in range(critic.layers)] == [
        (4, 16, 16),
        (8, 8, 8),
        (16, 4, 4),
    ]


@pytest.mark.parametrize("part", ["encoder", "decoder", "image critic"])
def test_weights_start_small(part: str) -> None:
    torch.manual_seed(0)
    networks = build(3, 32, 16)
    module = {
        "encoder": networks.encoder(32),
        "decoder": networks.decoder(32),
        "image critic": networks.image_critic(),
    }[part]
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            # The standard error of a sample's standard deviation is about std / sqrt(2 n); 5 of them never happen.
            assert layer.weight.std().item() == pytest.approx(0.02, rel=5 / (2 * layer.weight.numel()) ** 0.5)
            assert layer.bias is None or not layer.bias.any()
