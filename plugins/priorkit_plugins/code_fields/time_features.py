"""Embeds times as inputs of networks."""

import math

import torch
from torch import Tensor, nn

__all__ = ["TIME_FEATURES", "TimeFeatures"]

_FREQUENCIES = 8
"""Number of sines, and of cosines, in the features of a time."""

TIME_FEATURES = 1 + 2 * _FREQUENCIES
"""Number of features of a time."""


class TimeFeatures(nn.Module):
    """Times (N,) in [0, 1] as vectors (N, TIME_FEATURES): themselves, sines and cosines."""

    frequencies: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("frequencies", math.pi * torch.arange(1, _FREQUENCIES + 1), persistent=False)

    def forward(self, time: Tensor) -> Tensor:
        """Features (N, TIME_FEATURES) of times (N,)."""
        angles = time[:, None] * self.frequencies
        return torch.cat([time[:, None], angles.sin(), angles.cos()], dim=1)
