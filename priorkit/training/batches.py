"""Batches of images, gathered on the device from uint8."""

import torch
from torch import Tensor

from priorkit.engine import DataOrder
from priorkit.interfaces import ImageSet

__all__ = ["Batches", "to_float", "to_uint8"]

_DEVICE_SHARE = 0.25
"""Largest share of a device's free memory that the data set may take; a larger one stays in main memory."""


def to_float(images: Tensor, *, channels_last: bool = False) -> Tensor:
    """uint8 images (N, C, H, W) as float32 in [-1, 1]: 0 becomes -1 and 255 becomes 1."""
    scaled = images.to(torch.float32).mul_(2 / 255).sub_(1)
    return scaled.contiguous(memory_format=torch.channels_last) if channels_last else scaled


def to_uint8(images: Tensor) -> Tensor:
    """Images in [-1, 1] as uint8, rounded to the nearest; values outside are clipped."""
    return images.float().add(1).mul(127.5).round_().clamp_(0, 255).to(torch.uint8)


class Batches:
    """Training batches as a function of how many images have been seen.

    The whole set lies on the device as uint8 where it fits, and batches are gathered and converted there.

    Args:
        images: The training images.
        batch_size: Images in a batch, at most as many as there are.
        seed: Seed of the order.
        device: Where batches are wanted.
        channels_last: Their memory layout.
        share: Which images of each batch are wanted here; all by default.
    """

    def __init__(
        self,
        images: ImageSet,
        batch_size: int,
        *,
        seed: int,
        device: torch.device,
        channels_last: bool,
        share: slice = slice(None),
    ) -> None:
        self.batch_size = batch_size
        self.device = device
        self.channels_last = channels_last
        self.share = share
        self.order = DataOrder(len(images), seed)
        pixels = images.images
        if device.type == "cuda":
            free, _ = torch.cuda.mem_get_info(device)
            pixels = pixels.to(device) if pixels.nbytes <= _DEVICE_SHARE * free else pixels
        elif device.type != "cpu":
            pixels = pixels.to(device)
        self._pixels = pixels

    def at(self, images_seen: int) -> Tensor:
        """The share of the batch after `images_seen` images: float32 (N, C, H, W) in [-1, 1] on the device."""
        indices = self.order.batch(images_seen, self.batch_size)[self.share]
        if self.device.type == "cuda":
            # A copy from pageable memory may wait for the device.
            indices = indices.pin_memory()
        if self._pixels.device.type == self.device.type:
            picked = self._pixels.index_select(0, indices.to(self.device, non_blocking=True))
        else:
            picked = self._pixels.index_select(0, indices).pin_memory()
        return to_float(picked.to(self.device, non_blocking=True), channels_last=self.channels_last)
