"""The training images of a prior that re-encodes them throughout training."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from priorkit.interfaces import ImageSet

__all__ = ["TrainingPixels"]


class TrainingPixels:
    """Training images in memory, on the device where they are used; read at their first use.

    Inference never uses them, so it needs no data set. Copies of a prior share them.

    Args:
        read: Returns the training images; None if there is no training.
    """

    def __init__(self, read: Callable[[], ImageSet] | None) -> None:
        self._read = read
        self._pixels: Tensor | None = None

    def take(self, indices: Tensor) -> Tensor:
        """Some images, float32 (N, C, H, W) in [-1, 1], on the device of their indices, int64 (N,)."""
        if self._pixels is None:
            assert self._read is not None, "exemplars are encoded in training, which has images"
            images = self._read()
            self._pixels = images.take(torch.arange(len(images)))
        if self._pixels.device != indices.device:
            self._pixels = self._pixels.to(indices.device)
        return self._pixels.index_select(0, indices).float().mul(2 / 255).sub(1)

    def __deepcopy__(self, memo: dict[int, Any]) -> "TrainingPixels":
        return self
