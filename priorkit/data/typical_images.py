"""The training images that batch-norm statistics are of."""

import torch
from torch import Tensor

from priorkit.config import RunConfig
from priorkit.data.binarisation import binarised
from priorkit.engine import seed_for
from priorkit.interfaces import ImageSet

__all__ = ["typical_images", "typical_indices"]

_MOST = 1024
"""So many, at most, or a batch where that is more. The energy distance of a VAE's colour samples was 0.0107, 0.0102 and
0.0103 with statistics of 512, 2,048 and 6,400 images."""


def typical_images(images: ImageSet, config: RunConfig) -> Tensor:
    """A sample of the training images: uint8 (n, C, H, W), n being a multiple of the batch size.

    They are drawn at random, as in training: where images are sorted by class, neighbours would make batches of one
    class.

    Args:
        images: The training images.
        config: Says how large batches are, whether images are black and white, and the seed.

    Raises:
        DataError: A stored image cannot be read.
    """
    return binarised(images.take(typical_indices(len(images), config)), config.binarise, config.seed, 0)


def typical_indices(count: int, config: RunConfig) -> Tensor:
    """Which of `count` training images: different indices, int64."""
    batches = max(1, min(count, _MOST) // config.batch_size)
    generator = torch.Generator().manual_seed(seed_for(config.seed, "typical images"))
    return torch.randperm(count, generator=generator)[: batches * config.batch_size]
