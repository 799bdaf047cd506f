"""The codes of all training images, computed once and kept."""

import torch
from torch import Tensor

from priorkit.data.batches import placed, to_float
from priorkit.data.binarisation import Binarise, binarised
from priorkit.engine import DataOrder, Precision, seed_for
from priorkit.engine.evaluation_mode import evaluating
from priorkit.interfaces import Encoder, ImageSet, Posterior

__all__ = ["KeptCodes"]

_CHUNK = 500


class KeptCodes:
    """Batches of posteriors, as a function of how many images have been seen; `Batches` gives images in the same order.

    The posteriors of all images are found at the first batch, by one pass over the images. Means and log-variances are
    kept where they are normal; of other stochastic encoders, one draw for each image; of quantising ones, indices. They
    take 4 bytes a dimension, or 8 with log-variances, in the device's memory or, where there is too little, in the main
    memory.

    Args:
        images: The training images.
        batch_size: Codes in a batch, at most as many as there are images.
        seed: Seed of the order.
        precision: Where and how the encoder computes.
        channels_last: The images' memory layout for the encoder.
        entries: What each image brings with it, first dimension the images; or None.
        binarise: Whether images are made black and white; drawn once for each image, where they are drawn.
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
        self._codes: Tensor | None = None

    def encode_with(self, encoder: Encoder) -> None:
        """Finds the posteriors of all images.

        Args:
            encoder: enc as it is used, on the device.

        Raises:
            DataError: A stored image cannot be read.
        """
        codes = None
        with evaluating(encoder):
            for chunk in torch.split(torch.arange(len(self.images)), _CHUNK):
                pixels = binarised(self.images.take(chunk), self.binarise, self.seed, int(chunk[0]))
                with self.precision.autocast():
                    images = to_float(pixels.to(self.precision.device), channels_last=self.channels_last)
                    found = self._posteriors(encoder, images, int(chunk[0])).cpu()
                if codes is None:
                    codes = found.new_empty(len(self.images), *found.shape[1:])
                codes[chunk] = found
        assert codes is not None, "a data set has images"
        self._codes = placed(codes, self.precision.device)

    def _posteriors(self, encoder: Encoder, images: Tensor, first: int) -> Tensor:
        """What is kept of images' posteriors, (N, 1 or 2, code_dim)."""
        posterior: Posterior = encoder(images)
        if posterior.log_variance is not None:
            return torch.stack([posterior.mean.float(), posterior.log_variance.float()], dim=1)
        if encoder.stochastic:
            # Nothing else can draw from it again.
            generator = torch.Generator().manual_seed(seed_for(self.seed, "kept codes", first))
            noise = torch.randn(len(images), encoder.code_dim, generator=generator)
            posterior = encoder(images, noise.to(images.device))
        return (posterior.code.float() if posterior.indices is None else posterior.indices.int())[:, None]

    @property
    def known(self) -> bool:
        """Whether the posteriors have been found."""
        return self._codes is not None

    def forget(self) -> None:
        """Forgets the posteriors: the encoder is about to be another one."""
        self._codes = None

    def at(self, images_seen: int) -> Tensor:
        """The posteriors of the batch after `images_seen` images.

        Returns:
            float32 (N, 1, code_dim): codes; or (N, 2, code_dim): means and log-variances; or int32 (N, 1, code_dim):
            indices.
        """
        assert self._codes is not None, "codes are found before the first batch"
        return self._gathered(self._codes, images_seen)

    def entries_at(self, images_seen: int) -> Tensor | None:
        """What the images of `at` bring with them, shape (N, ...); None if there is nothing."""
        return None if self._entries is None else self._gathered(self._entries, images_seen)

    def _gathered(self, source: Tensor, images_seen: int) -> Tensor:
        indices = self.order.batch(images_seen, self.batch_size)
        return source.index_select(0, indices.to(source.device)).to(self.precision.device, non_blocking=True)

    def close(self) -> None:
        """Nothing is open."""
