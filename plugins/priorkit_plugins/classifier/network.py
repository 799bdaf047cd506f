"""The classifier's networks."""

from typing import Literal

import torch
from torch import Tensor, nn

__all__ = ["Architecture", "ClassifierNetwork", "predict"]

Architecture = Literal["plain", "residual"]

FEATURES = 128
"""Dimensions of the features."""
_CHUNK = 500
"""Images classified at a time."""
_SMALLEST = 8
"""Maximal height and width of the input of the plain network's last convolution."""
_STEM = 32
"""Maximal height and width of the residual network's first feature maps."""


def _layer(inputs: int, outputs: int) -> list[nn.Module]:
    return [nn.Conv2d(inputs, outputs, 3, padding=1), nn.BatchNorm2d(outputs), nn.ReLU()]


def _plain_trunk(channels: int, size: int, width: int) -> nn.Sequential:
    """Convolutions with batch norm, halving the image until it is 8 pixels wide."""
    layers = [*_layer(channels, width), nn.MaxPool2d(2), *_layer(width, 2 * width), nn.MaxPool2d(2)]
    side = size // 4
    while side > _SMALLEST:
        layers += [*_layer(2 * width, 2 * width), nn.MaxPool2d(2)]
        side //= 2
    layers += [*_layer(2 * width, 2 * width), nn.AdaptiveAvgPool2d(4), nn.Flatten()]
    return nn.Sequential(*layers, nn.Linear(2 * width * 16, FEATURES), nn.ReLU())


class _Convolution(nn.Sequential):
    """A convolution without bias, batch norm, ReLU."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        convolution = nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False)
        super().__init__(convolution, nn.BatchNorm2d(outputs), nn.ReLU())


class _Residual(nn.Module):
    """x + F(x), F being two convolutions."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.branch = nn.Sequential(_Convolution(width, width), _Convolution(width, width))

    def forward(self, images: Tensor) -> Tensor:
        change: Tensor = self.branch(images)
        return images + change


def _residual_trunk(channels: int, size: int, width: int) -> nn.Sequential:
    """Four stages, at 32, 16, 8 and 4 pixels for images of 32, and residual blocks in the second and the fourth.

    It follows ResNet-9 of DAWNBench (Page 2018, "How to train your ResNet"), with fewer channels and an early pooling,
    to be fast on CPUs.
    """
    layers: list[nn.Module] = []
    side = size
    while side > _STEM:
        layers.append(_Convolution(channels, width, stride=2))
        channels = width
        side = (side + 1) // 2
    if side == size:
        layers.append(_Convolution(channels, width))
    if side > _STEM // 2:
        layers.append(nn.MaxPool2d(2))
    layers += [_Convolution(width, 2 * width), _Residual(2 * width), nn.MaxPool2d(2)]
    layers += [_Convolution(2 * width, 4 * width), nn.MaxPool2d(2), _Residual(4 * width)]
    return nn.Sequential(*layers, nn.AdaptiveMaxPool2d(1), nn.Flatten(), nn.Linear(4 * width, FEATURES), nn.ReLU())


class ClassifierNetwork(nn.Module):
    """Convolutions; a layer of features; logits.

    Args:
        architecture: `plain`, convolutions with batch norm one after another; or `residual`.
        channels: Channels of the images.
        size: Height and width of the images in pixels, at least 16.
        classes: Number of classes.
        width: Channels of the first layer.
    """

    def __init__(self, architecture: Architecture, channels: int, size: int, classes: int, width: int = 32) -> None:
        super().__init__()
        self.trunk = (_plain_trunk if architecture == "plain" else _residual_trunk)(channels, size, width)
        self.head = nn.Linear(FEATURES, classes)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Features (N, 128) and logits (N, classes) of uint8 images (N, C, H, W)."""
        scaled = (images.to(torch.float32) / 127.5 - 1).contiguous(memory_format=torch.channels_last)
        features: Tensor = self.trunk(scaled)
        return features, self.head(features)


@torch.no_grad()
def predict(network: ClassifierNetwork, images: Tensor, device: torch.device) -> tuple[Tensor, Tensor]:
    """Features and probabilities of uint8 images, both float32 on the CPU."""
    found = [network(part.to(device)) for part in torch.split(images, _CHUNK)]
    features = torch.cat([item[0].float().cpu() for item in found])
    return features, torch.cat([item[1].float().softmax(1).cpu() for item in found])
