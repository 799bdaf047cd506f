"""Initial means of a mixture's components."""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from priorkit.interfaces import Encoder
from priorkit_plugins.layer_modes import layers_in_training

__all__ = ["means_at_encodings", "means_on_circle", "random_means"]


def means_on_circle(count: int, code_dim: int, radius: float) -> Tensor:
    """Evenly spaced on a circle around 0 in the first two dimensions, 0 in the others: (count, code_dim)."""
    angles = 2 * math.pi * torch.arange(count) / count
    circle = radius * torch.stack([angles.cos(), angles.sin()], dim=1)
    return torch.cat([circle, torch.zeros(count, code_dim - 2)], dim=1)


def random_means(count: int, code_dim: int, std: float) -> Tensor:
    """Draws from N(0, std^2 I) by torch's global generator: (count, code_dim)."""
    return std * torch.randn(count, code_dim)


def means_at_encodings(count: int, encoder: Encoder, images: Callable[[int], Tensor], available: int) -> Tensor:
    """The posteriors' means of training images, repeated if there are fewer than `count`: (count, code_dim)."""
    chosen = images(min(count, available))
    with layers_in_training(encoder, lambda layer: False), torch.no_grad():
        codes: Tensor = encoder(chosen).mean.float()
    return codes.repeat(math.ceil(count / len(codes)), 1)[:count]
