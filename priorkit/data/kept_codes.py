"""The codes of all training images, computed once and kept in memory or on disk."""

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from priorkit.data.batches import placed, to_float, uploaded
from priorkit.data.binarisation import Binarise, binarised
from priorkit.engine import DataOrder, Precision, evaluating, free_memory, seed_for
from priorkit.errors import DataError
from priorkit.interfaces import Encoder, ImageSet, Posterior

__all__ = ["KeptCodes", "room_for"]

_CHUNK = 500
_MOMENTS_CHUNK = 10_000
_MEMORY_SHARE = 0.25
"""Maximal share of the free memory for codes; more codes go to disk."""
_DISK_SHARE = 0.9
"""Maximal share of the free disk space for codes."""


class KeptCodes:
    """Batches of codes as a function of the number of images seen, in the order of `Batches`.

    `encode_with` computes the posteriors of all images in one pass. Of normal posteriors, means and log-variances are
    kept, and every batch draws new codes from them; of other stochastic encoders, one draw for each image; of
    quantising encoders, indices. They take 4 bytes for each dimension of a code, or 8 with log-variances: in the
    device's memory or in main memory, or in a temporary file if they would take more than a quarter of the free main
    memory.

    Args:
        images: The training images.
        batch_size: Number of codes in a batch, at most the number of images.
        seed: Seed of the order and of the draws.
        precision: The precision and device of the encoder.
        channels_last: Whether images have the memory layout `channels_last` for the encoder.
        entries: The condition's entry of each image, shape (images, ...); or None.
        binarise: Conversion of images to black and white; `stochastic` draws each image once.
    """

    workers = None

    def __init__(
        self,
        images: ImageSet,
        batch_size: int,
        *,
        seed: int,
        precision: Precision,
        channels_last: bool,
        entries: Tensor | None = None,
        binarise: Binarise = "none",
    ) -> None:
        self.images = images
        self.batch_size = batch_size
        self.seed = seed
        self.precision = precision
        self.channels_last = channels_last
        self.binarise = binarise
        self.order = DataOrder(len(images), seed)
        self._entries = placed(entries, precision.device) if entries is not None else None
        self._posteriors: Tensor | None = None

    def encode_with(self, encoder: Encoder) -> None:
        """Computes the posteriors of all images.

        Args:
            encoder: enc for evaluation, on the device.

        Raises:
            DataError: A stored image cannot be read, or the codes fit neither into memory nor on the disk.
        """
        kept = None
        with evaluating(encoder):
            for chunk in torch.split(torch.arange(len(self.images)), _CHUNK):
                pixels = binarised(self.images.take(chunk), self.binarise, self.seed, int(chunk[0]))
                with self.precision.autocast():
                    images = to_float(pixels.to(self.precision.device), channels_last=self.channels_last)
                    found = self._kept_of(encoder, images, int(chunk[0])).cpu()
                if kept is None:
                    kept = room_for((len(self.images), *found.shape[1:]), found.dtype)
                kept[chunk] = found
        assert kept is not None, "a data set has images"
        self._posteriors = placed(kept, self.precision.device)

    def _kept_of(self, encoder: Encoder, images: Tensor, first: int) -> Tensor:
        """The values to keep of images' posteriors, (N, 1 or 2, code_dim)."""
        posterior: Posterior = encoder(images)
        if posterior.log_variance is not None:
            return torch.stack([posterior.mean.float(), posterior.log_variance.float()], dim=1)
        if encoder.stochastic:
            # Drawn now, because only the encoder can draw from this posterior.
            generator = torch.Generator().manual_seed(seed_for(self.seed, "kept codes", first))
            noise = torch.randn(len(images), encoder.code_dim, generator=generator)
            posterior = encoder(images, noise.to(images.device))
        return (posterior.code.float() if posterior.indices is None else posterior.indices.int())[:, None]

    @property
    def known(self) -> bool:
        """Whether the posteriors have been computed."""
        return self._posteriors is not None

    def forget(self) -> None:
        """Discards the posteriors, because the encoder is about to change."""
        self._posteriors = None

    def at(self, images_seen: int) -> Tensor:
        """Codes of the batch after `images_seen` images, drawn from their posteriors.

        Returns:
            float32 (N, code_dim), or indices, int64 (N, H * W).
        """
        indices = self.order.batch(images_seen, self.batch_size)
        return self._drawn(lambda posteriors: self._gathered(posteriors, indices), images_seen)

    def everything(self) -> Tensor:
        """A code of every image, drawn from its posterior, in the order of the images; types as for `at`."""
        return self._drawn(lambda posteriors: posteriors.to(self.precision.device), 0)

    def moments(self) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation of each dimension of the codes of all images, each float32 (code_dim,).

        For normal posteriors, these are the moments of the mixture of all posteriors. Not defined for indices.
        """
        assert self._posteriors is not None, "codes are computed before the first batch"
        total = squares = spread = torch.zeros(self._posteriors.shape[2], dtype=torch.float64)
        # Shifted by the first code: squares of large means would leave no digits for small deviations.
        origin = self._posteriors[0, 0].cpu().double()
        for chunk in torch.split(self._posteriors, _MOMENTS_CHUNK):
            part = chunk.cpu().double()
            shifted = part[:, 0] - origin
            total, squares = total + shifted.sum(0), squares + shifted.square().sum(0)
            if part.shape[1] == 2:
                spread = spread + part[:, 1].exp().sum(0)
        count = len(self._posteriors)
        mean = total / count
        variance = ((squares + spread) / count - mean.square()).clamp(min=0)
        device = self.precision.device
        return (origin + mean).float().to(device), variance.sqrt().float().to(device)

    def _drawn(self, select: Callable[[Tensor], Tensor], images_seen: int) -> Tensor:
        assert self._posteriors is not None, "codes are computed before the first batch"
        posteriors = select(self._posteriors)
        code = posteriors[:, 0]
        if posteriors.shape[1] == 1:
            return code if code.is_floating_point() else code.long()
        device = self.precision.device
        # The meta device has no generators.
        generator = torch.Generator("cpu" if device.type == "meta" else device)
        generator.manual_seed(seed_for(self.seed, "kept posteriors", images_seen))
        noise = torch.randn(code.shape, generator=generator, device=device)
        return code + torch.exp(0.5 * posteriors[:, 1]) * noise

    def entries_at(self, images_seen: int) -> Tensor | None:
        """The condition's entries of the images of `at`, shape (N, ...); None if there are none."""
        if self._entries is None:
            return None
        return self._gathered(self._entries, self.order.batch(images_seen, self.batch_size))

    def indices_at(self, images_seen: int) -> Tensor:
        """The indices of the training images of the codes of `at`, int64 (N,), on the device."""
        return uploaded(self.order.batch(images_seen, self.batch_size), self.precision.device)

    def all_entries(self) -> Tensor | None:
        """The condition's entries of all images, shape (M, ...); None if there are none."""
        return None if self._entries is None else self._entries.to(self.precision.device)

    def _gathered(self, source: Tensor, indices: Tensor) -> Tensor:
        device = self.precision.device
        if source.device.type == device.type:
            return source.index_select(0, uploaded(indices, device))
        return uploaded(source.index_select(0, indices), device)

    def close(self) -> None:
        """Does nothing: no process or file is open."""


def room_for(shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
    """Allocates a tensor of a dtype of 4 bytes: in memory if it takes at most a quarter of it, else in a file.

    The temporary file is deleted at once if the system allows that; its space is then freed with the process.

    Raises:
        DataError: The tensor fits neither into memory nor on the disk.
    """
    size = torch.Size(shape).numel()
    if 4 * size <= _MEMORY_SHARE * free_memory():
        return torch.empty(shape, dtype=dtype)
    folder = Path(tempfile.gettempdir())
    free = shutil.disk_usage(folder).free
    if 4 * size > _DISK_SHARE * free:
        raise DataError(
            f"the codes of {shape[0]} images take {4 * size / 2**30:.1f} GiB, which is more than a quarter of the free "
            f"memory, and {str(folder)!r} has {free / 2**30:.1f} GiB left: let the environment's TMPDIR name a folder "
            "on a larger disk, or train an autoencoder of fewer --code-dim"
        )
    with tempfile.NamedTemporaryFile(prefix="priorkit-codes-", dir=folder) as file:
        return torch.from_file(file.name, shared=True, size=size, dtype=dtype).view(shape)
