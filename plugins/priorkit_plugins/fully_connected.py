"""Fully connected hidden layers, which most networks here use."""

from collections.abc import Sequence
from typing import Literal

from torch import nn

__all__ = ["CRITIC_LEAK", "hidden_layers"]

CRITIC_LEAK = 0.2
"""Slope of the critics' leaky ReLU below zero (Radford et al. 2016, arXiv:1511.06434, Section 4)."""


def hidden_layers(
    inputs: int, widths: Sequence[int], *, norm: Literal["batch", "layer", "none"] = "none", leak: float | None = None
) -> list[nn.Sequential]:
    """Makes hidden layers, each a linear map, an optional norm, and a rectifier.

    Weights have torch's default initialisation, whose scale follows the number of inputs.

    Args:
        inputs: Dimensions of the first layer's input, shape (N, inputs).
        widths: Outputs of each layer in turn.
        norm: The norm between the linear map (which then has no bias) and the rectifier.
        leak: Slope of a leaky ReLU below zero; None for a plain ReLU.
    """
    layers = []
    for width in widths:
        layer = nn.Sequential(nn.Linear(inputs, width, bias=norm == "none"))
        if norm != "none":
            layer.append(nn.BatchNorm1d(width) if norm == "batch" else nn.LayerNorm(width))
        layer.append(nn.ReLU() if leak is None else nn.LeakyReLU(leak))
        layers.append(layer)
        inputs = width
    return layers
