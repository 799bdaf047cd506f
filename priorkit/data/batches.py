"""Batches of images, gathered on the device from uint8 or read from disk."""

import torch
from torch import Tensor

from priorkit.data.binarisation import Binarise, above, binarised, drawn_thresholds
from priorkit.data.stream import Stream, default_workers
from priorkit.data.transforms import Transform, transformed
from priorkit.engine import DataOrder
from priorkit.interfaces import ImageSet

__all__ = ["Batches", "placed", "to_float", "to_uint8"]

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

    A set in memory lies on the device as uint8 where it fits, and batches are gathered and converted there. Stored
    images are read ahead by worker processes.

    Args:
        images: The training images.
        batch_size: Images in a batch, at most as many as there are.
        seed: Seed of the order.
        device: Where batches are wanted.
        channels_last: Their memory layout.
        share: Which of each batch's images are wanted here; all by default.
        workers: Processes that read stored images; 0 reads in this one, None takes `default_workers`.
        entries: What each image brings with it, first dimension the images; or None.
        binarise: Whether the images are made black and white: `none`, `threshold`, or `stochastic`, which draws them
            from `seed` and the place in training.
        transform: Changes each image at random, from `seed` and the place in training; or None.
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
        workers: int | None = None,
        entries: Tensor | None = None,
        binarise: Binarise = "none",
        transform: Transform | None = None,
    ) -> None:
        self.batch_size = batch_size
        self.device = device
        self.channels_last = channels_last
        self.share = share
        self.seed = seed
        self.binarise = binarise
        self.transform = transform
        self.order = DataOrder(len(images), seed)
        self._source: Tensor | Stream
        if isinstance(images.images, Tensor):
            self._source = placed(images.images, device)
        else:
            workers = default_workers(device) if workers is None else workers
            pin_memory = device.type == "cuda"
            self._source = Stream(images, self.order, batch_size, share=share, workers=workers, pin_memory=pin_memory)
        self._entries = placed(entries, device) if entries is not None else None

    def at(self, images_seen: int) -> Tensor:
        """The share of the batch after `images_seen` images: float32 (N, C, H, W) in [-1, 1] on the device.

        Raises:
            DataError: A stored image cannot be read, or a transform fails.
        """
        if isinstance(self._source, Stream):
            picked = self._source.at(images_seen)
        else:
            picked = self._gathered(self._source, images_seen)
        if self.transform is not None:
            first = range(self.batch_size)[self.share].start
            picked = transformed(picked, self.transform, self.seed, images_seen + first)
        picked = self._binarised(picked.to(self.device, non_blocking=True), images_seen)
        return to_float(picked, channels_last=self.channels_last)

    def _binarised(self, images: Tensor, images_seen: int) -> Tensor:
        if self.binarise != "stochastic":
            return binarised(images, self.binarise, self.seed, images_seen)
        # Drawn for the whole batch: how many processes share it changes nothing.
        whole = (self.batch_size, *images.shape[1:])
        return above(images, drawn_thresholds(whole, self.seed, images_seen, self.device)[self.share])

    def entries_at(self, images_seen: int) -> Tensor | None:
        """What the images of `at` bring with them, shape (N, ...), on the device; None if there is nothing."""
        if self._entries is None:
            return None
        return self._gathered(self._entries, images_seen).to(self.device, non_blocking=True)

    def indices_at(self, images_seen: int) -> Tensor:
        """Which training images those of `at` are, int64 (N,), on the device."""
        return uploaded(self._indices(images_seen), self.device)

    def _indices(self, images_seen: int) -> Tensor:
        return self.order.batch(images_seen, self.batch_size)[self.share]

    def _gathered(self, source: Tensor, images_seen: int) -> Tensor:
        indices = self._indices(images_seen)
        if source.device.type == self.device.type:
            return source.index_select(0, uploaded(indices, self.device))
        return source.index_select(0, indices).pin_memory()

    @property
    def workers(self) -> int | None:
        """How many processes read stored images, 0 if this one does; None where images are in memory."""
        return self._source.workers if isinstance(self._source, Stream) else None

    def close(self) -> None:
        """Ends the worker processes, if there are any; the next batch starts them again."""
        if isinstance(self._source, Stream):
            self._source.close()


def uploaded(tensor: Tensor, device: torch.device) -> Tensor:
    """Moves a small tensor from main memory to the device, without waiting for what the device is doing."""
    if device.type == "cuda":
        # A copy from pageable memory waits.
        tensor = tensor.pin_memory()
    return tensor.to(device, non_blocking=True)


def placed(pixels: Tensor, device: torch.device) -> Tensor:
    """Moves a set to the device, if it may take that much there."""
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        return pixels.to(device) if pixels.nbytes <= _DEVICE_SHARE * free else pixels
    return pixels if device.type == "cpu" else pixels.to(device)
