"""The velocity field of flow matching."""

import math

import torch
from torch import Tensor, nn

__all__ = ["Velocity"]

_FREQUENCIES = 8
"""Sines and cosines of time, each, that the field is shown beside time itself."""


class Velocity(nn.Module):
    """v(code, t, s): a network of residual layers, each behind a layer norm.

    Args:
        code_dim: Dimensions of a code.
        condition_dim: Dimensions of the condition s; 0 for none.
        hidden: Width of the hidden layers.
        layers: Number of hidden layers, at least 1.
    """

    frequencies: Tensor

    def __init__(self, code_dim: int, condition_dim: int = 0, *, hidden: int = 256, layers: int = 3) -> None:
        super().__init__()
        self.code_dim = code_dim
        self.condition_dim = condition_dim
        self.register_buffer("frequencies", math.pi * torch.arange(1, _FREQUENCIES + 1), persistent=False)
        self.first = nn.Linear(code_dim + condition_dim + 1 + 2 * _FREQUENCIES, hidden)
        self.blocks = nn.ModuleList(
            nn.Sequential(nn.LayerNorm(hidden), nn.Linear(hidden, hidden), nn.SiLU(), nn.Linear(hidden, hidden))
            for _ in range(layers - 1)
        )
        self.last = nn.Sequential(nn.LayerNorm(hidden), nn.SiLU(), nn.Linear(hidden, code_dim))

    def forward(self, code: Tensor, time: Tensor, condition: Tensor | None = None) -> Tensor:
        """The velocity (N, code_dim) of points (N, code_dim) at times (N,) in [0, 1], given s (N, condition_dim)."""
        angles = time[:, None] * self.frequencies
        seen = [code, time[:, None], angles.sin(), angles.cos(), *([] if condition is None else [condition])]
        hidden = self.first(torch.cat(seen, dim=1))
        for block in self.blocks:
            hidden = hidden + block(hidden)
        velocity: Tensor = self.last(hidden)
        return velocity
