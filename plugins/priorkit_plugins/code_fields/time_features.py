"""How networks are shown a time."""

import math

import torch
from torch import Tensor, nn

__all__ = ["TIME_FEATURES", "TimeFeatures"]

_FREQUENCIES = 8
"""Sines and cosines of time, each, that a network is shown beside time itself."""

TIME_FEATURES = 1 + 2 * _FREQUENCIES
"""Numbers that a time is shown as."""


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
