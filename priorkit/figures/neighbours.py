"""Samples beside their nearest training images, to see whether a model has memorised its training images."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from PIL import Image
from torch import Tensor

from priorkit.data import to_float
from priorkit.figures.captions import caption_columns
from priorkit.figures.grids import draw_grid
from priorkit.interfaces import ImageSet

__all__ = ["Neighbours", "draw_neighbours", "nearest_images"]

_CHUNK = 256
"""Number of images to compare at a time."""


@dataclass(frozen=True)
class Neighbours:
    """For each of N images, the nearest images of a set, nearest first.

    Attributes:
        indices: Indices of the nearest images in the set, int64 (N, count), on the CPU.
        distances: Their distances, the root mean squared difference of pixels or features, float32 (N, count), on the
            CPU. For pixels in [-1, 1], distances lie between 0 and 2.
    """

    indices: Tensor
    distances: Tensor


def nearest_images(
    images: Tensor, among: ImageSet, count: int, features: Callable[[Tensor], Tensor] = lambda images: images
) -> Neighbours:
    """Finds the nearest images of a set. The set is read part by part, so it may be larger than memory.

    Args:
        images: float32 (N, C, H, W) in [-1, 1].
        among: The set, with images of the same shape.
        count: Number of nearest images for each image; all images of a smaller set.
        features: Function from images (n, C, H, W) in [-1, 1] to the features to compare, float32 (n, ...). By default,
            pixels are compared.

    Raises:
        DataError: A stored image cannot be read.
    """
    wanted = features(images).flatten(1)
    distances = wanted.new_empty(len(images), 0)
    indices = torch.empty(len(images), 0, dtype=torch.int64, device=wanted.device)
    for chunk in torch.split(torch.arange(len(among)), _CHUNK):
        seen = features(to_float(among.take(chunk)).to(images.device)).flatten(1)
        # By differences: distances by matrix products are inaccurate for images that are nearly the same.
        new = torch.cdist(wanted, seen, compute_mode="donot_use_mm_for_euclid_dist")
        distances = torch.cat([distances, new], dim=1)
        indices = torch.cat([indices, chunk.to(indices.device).expand(len(images), -1)], dim=1)
        distances, places = distances.topk(min(count, distances.shape[1]), dim=1, largest=False)
        indices = indices.gather(1, places)
    return Neighbours(indices.cpu(), (distances / wanted.shape[1] ** 0.5).cpu())


def draw_neighbours(images: Tensor, indices: Tensor, among: ImageSet) -> Image.Image:
    """Draws a row for each image: the image itself, then its nearest ones.

    Args:
        images: uint8 (N, C, H, W).
        indices: Indices of the images nearest to each, int64 (N, count), nearest first.
        among: The set that these images come from.
    """
    found = among.take(indices.flatten()).reshape(*indices.shape, *among.shape)
    rows = torch.cat([images.cpu()[:, None], found], dim=1)
    captions = ["sample", "nearest", *(f"{place}." for place in range(2, found.shape[1] + 1))]
    return caption_columns(draw_grid(rows.flatten(0, 1), rows.shape[1]), captions)
