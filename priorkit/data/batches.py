"""Training batches of images, from memory or from disk."""

import torch
from torch import Tensor

from priorkit.data.binarisation import Binarise, above, binarised, drawn_thresholds
from priorkit.data.stream import Stream, default_workers
from priorkit.data.transforms import Transform, transformed
from priorkit.engine import DataOrder
from priorkit.interfaces import ImageSet

__all__ = ["Batches", "placed", "to_float", "to_uint8"]

_DEVICE_SHARE = 0.25
"""Maximal share of a device's free memory for the data set; a larger data set stays in main memory."""


def to_float(images: Tensor, *, channels_last: bool = False) -> Tensor:
    """Converts uint8 images (N, C, H, W) to float32 in [-1, 1]: 0 becomes -1, and 255 becomes 1."""
    scaled = images.to(torch.float32).mul_(2 / 255).sub_(1)
    return scaled.contiguous(memory_format=torch.channels_last) if channels_last else scaled


def to_uint8(images: Tensor) -> Tensor:
    """Converts images in [-1, 1] to uint8, rounded to the nearest; values outside are clipped."""
    return images.float().add(1).mul(127.5).round_().clamp_(0, 255).to(torch.uint8)


class Batches:
    """Training batches as a function of the number of images seen.

    Images in memory are kept on the device as uint8 if they fit, and batches are gathered and converted there. Stored
    images are read ahead by worker processes.

    Args:
        images: The training images.
        batch_size: Number of images in a batch, at most the number of training images.
        seed: Seed of the order, of `binarise` and of `transform`.
        device: The device of the batches.
        channels_last: Whether batches have the memory layout `channels_last`.
        share: The slice of each batch that this process trains on; all by default.
        workers: Number of processes that read stored images. 0 reads in this process; None stands for
            `default_workers`.
        entries: The condition's entry of each image, shape (images, ...); or None.
        binarise: Conversion of images to black and white: `none`, `threshold`, or `stochastic`, which draws pixels from
            the seed and the position in training.
        transform: A random change of each image, drawn from the seed and the position in training; or None.
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
        """This process's share of the batch after `images_seen` images: float32 (N, C, H, W) in [-1, 1], on the device.

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
        # Drawn for the whole batch, so that the number of processes changes nothing.
        whole = (self.batch_size, *images.shape[1:])
        return above(images, drawn_thresholds(whole, self.seed, images_seen, self.device)[self.share])

    def entries_at(self, images_seen: int) -> Tensor | None:
        """The condition's entries of the images of `at`, shape (N, ...), on the device; None if there are none."""
        if self._entries is None:
            return None
        return self._gathered(self._entries, images_seen).to(self.device, non_blocking=True)

    def indices_at(self, images_seen: int) -> Tensor:
        """The indices of the images of `at` among the training images, int64 (N,), on the device."""
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
        """Number of processes that read stored images, 0 if this process reads them; None if images are in memory."""
        return self._source.workers if isinstance(self._source, Stream) else None

    def close(self) -> None:
        """Ends the worker processes, if any; the next batch starts them again."""
        if isinstance(self._source, Stream):
            self._source.close()


def uploaded(tensor: Tensor, device: torch.device) -> Tensor:
    """Copies a small tensor from main memory to the device, without waiting for the device's current work."""
    if device.type == "cuda":
        # A copy from pageable memory would wait.
        tensor = tensor.pin_memory()
    return tensor.to(device, non_blocking=True)


def placed(pixels: Tensor, device: torch.device) -> Tensor:
    """Moves a data set to the device, unless it would take too much of the device's memory."""
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        return pixels.to(device) if pixels.nbytes <= _DEVICE_SHARE * free else pixels
    return pixels if device.type == "cpu" else pixels.to(device)
