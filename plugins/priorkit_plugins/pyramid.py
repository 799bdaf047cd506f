"""Convolutional pyramids: every level has half the size of the one before, and more channels."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Literal

from torch import nn

from priorkit.errors import ConfigurationError
from priorkit_plugins.fully_connected import CRITIC_LEAK

__all__ = [
    "FLOOR",
    "Norm",
    "halvings",
    "halvings_to_maps",
    "project",
    "project_maps",
    "pyramid_channels",
    "strided_convolutions",
]

FLOOR = 4
"""Height and width of a pyramid's smallest level."""

Norm = Literal["batch", "layer", "none"]
"""A norm between a convolution and its rectifier."""

_SIZES = (16, 32, 64, 128)
_GROWTH = 8
"""Maximal ratio of the channels of a pyramid's last and first level, as in the paper's tables."""


def halvings(size: int) -> int:
    """Number of halvings of an image until it has 4x4 pixels: 3 for 32x32.

    Raises:
        ConfigurationError: The size is not a power of two from 16 to 128.
    """
    if size not in _SIZES:
        raise ConfigurationError(
            f"images of {size}x{size} pixels do not fit convolutional networks, whose sizes are "
            f"{', '.join(map(str, _SIZES))}: resize the images, or choose the networks 'mlp'"
        )
    return size.bit_length() - FLOOR.bit_length()


def halvings_to_maps(image_size: int, size: int) -> int:
    """Number of halvings of an image until it has the height and width of a code that is a map.

    Args:
        image_size: The image's height and width, a power of two.
        size: The map's.

    Raises:
        ConfigurationError: The size is not a power of two from 1 to half the image's.
    """
    sizes = [2**power for power in range(image_size.bit_length() - 1)]
    if size not in sizes:
        raise ConfigurationError(
            f"maps of {size}x{size} do not fit convolutional networks for images of {image_size}x{image_size} pixels: "
            f"--code-size may be {', '.join(map(str, sizes))}"
        )
    return image_size.bit_length() - size.bit_length()


def pyramid_channels(width: int, levels: int) -> list[int]:
    """Channels of each level: `width`, then twice as many at each level, up to 8 * `width`."""
    return [width * min(2**level, _GROWTH) for level in range(levels)]


def strided_convolutions(channels: Sequence[int], norm: Norm = "batch") -> list[nn.Sequential]:
    """Makes the layers of a convolutional discriminator, each of which halves height and width.

    A layer is a 4x4 convolution of stride 2, a norm except in the first, and a leaky ReLU (Table A.3 of Wang et al.
    2020; Radford et al. 2016, arXiv:1511.06434).

    Args:
        channels: Channels of the image, then of each layer's output.
        norm: The norm: `batch`, as in these papers; `layer`, over all channels of each image, as gradient penalties
            need (Gulrajani et al. 2017, arXiv:1704.00028, Section 4); or none.
    """
    layers = []
    for level, (inputs, outputs) in enumerate(pairwise(channels)):
        norms = [_norm(outputs, norm)] if level and norm != "none" else []
        convolution = nn.Conv2d(inputs, outputs, 4, stride=2, padding=1, bias=not norms)
        layers.append(nn.Sequential(convolution, *norms, nn.LeakyReLU(CRITIC_LEAK)))
    return layers


def _norm(channels: int, norm: Norm) -> nn.Module:
    # One group of channels: a layer norm with a scale and an offset for each channel.
    return nn.BatchNorm2d(channels) if norm == "batch" else nn.GroupNorm(1, channels)


def project(code_dim: int, channels: int, norm: Norm = "batch") -> nn.Sequential:
    """Turns codes (N, code_dim) into the smallest level (N, channels, 4, 4), with a norm and ReLU.

    A 4x4 transposed convolution of a single pixel is this linear map, which is several times faster to compute.
    """
    return nn.Sequential(
        nn.Linear(code_dim, channels * FLOOR * FLOOR, bias=norm == "none"),
        nn.Unflatten(1, (channels, FLOOR, FLOOR)),
        *([_norm(channels, norm)] if norm != "none" else []),
        nn.ReLU(),
    )


def project_maps(inputs: int, channels: int, norm: Norm = "batch") -> nn.Sequential:
    """Like `project`, for maps: from (N, inputs, H, W) to (N, channels, H, W), by a 3x3 convolution."""
    return nn.Sequential(
        nn.Conv2d(inputs, channels, 3, padding=1, bias=norm == "none"),
        *([_norm(channels, norm)] if norm != "none" else []),
        nn.ReLU(),
    )
