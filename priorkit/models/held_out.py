"""Two quick scores on held-out images, the same for every system."""

import torch
from torch import Tensor

__all__ = ["energy_distance", "reconstruction_error"]


def reconstruction_error(reconstructions: Tensor, images: Tensor) -> float:
    """Mean squared error per pixel, images (N, C, H, W) in [-1, 1]; between 0 and 4."""
    return float((reconstructions.float() - images.float()).square().mean())


def energy_distance(first: Tensor, second: Tensor) -> float:
    """The energy distance of two sets of samples: 2 E|X - Y| - E|X - X'| - E|Y - Y'|.

    Zero for equal distributions only; it needs no bandwidth and no features. Distances are Euclidean, divided by the
    square root of the dimension so that image sizes compare. The expectations are means over all pairs of distinct
    samples, so equal distributions give values around 0 that may be negative (Szekely and Rizzo 2013, Energy
    statistics).

    Args:
        first: Samples of shape (N, ...), N at least 2.
        second: Samples of shape (M, ...), M at least 2.
    """
    x, y = first.float().flatten(1), second.float().flatten(1)
    scale = x.shape[1] ** -0.5
    within = torch.stack([torch.cdist(item, item).sum() / (len(item) * (len(item) - 1)) for item in (x, y)]).sum()
    return float(scale * (2 * torch.cdist(x, y).mean() - within))
