"""Images with their labels, embeddings and captions, and the data sets that read them."""

import abc
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import torch
from torch import Tensor

from priorkit.interfaces.captions import Captions
from priorkit.interfaces.networks import ImageShape
from priorkit.interfaces.stored_images import StoredImages

__all__ = ["DataSource", "ImageData", "ImageSet"]


@dataclass(frozen=True)
class ImageSet:
    """Images of one shape, in memory or on disk.

    Attributes:
        images: uint8, shape (N, C, H, W), C being 1 or 3, on the CPU; or `StoredImages`, which are read when needed.
        labels: int64 class indices, shape (N,), or None.
        fingerprint: For images in memory whose source can also store them: the `StoredImages.fingerprint` of the same
            images. With it, a run that was started on stored images can be resumed in memory, and the other way round.
        embeddings: A vector that describes each image, float32 (N, embedding_dim), or None.
        captions: One or several captions of each image, or None.

    Raises:
        ValueError: A tensor has the wrong dtype or shape, or the number of captions differs from that of the images.

    Examples:
        >>> import torch
        >>> from priorkit.interfaces import ImageSet
        >>> images = ImageSet(torch.zeros(10, 1, 16, 16, dtype=torch.uint8), labels=torch.arange(10))
        >>> images.shape
        (1, 16, 16)
        >>> images.spread_indices(4)
        tensor([0, 2, 5, 7])
    """

    images: Tensor | StoredImages
    labels: Tensor | None = None
    fingerprint: str | None = None
    embeddings: Tensor | None = None
    captions: Captions | None = None

    def __post_init__(self) -> None:
        images, labels = self.images, self.labels
        if isinstance(images, Tensor) and (images.dtype != torch.uint8 or images.ndim != 4):
            raise ValueError(_expected(images.dtype, images.shape))
        if self.shape[0] not in (1, 3):
            raise ValueError(_expected(torch.uint8, (len(images), *self.shape)))
        if labels is not None and (labels.dtype != torch.int64 or labels.shape != (len(images),)):
            raise ValueError(
                f"labels must be int64 of shape ({len(images)},), not {labels.dtype} of shape {tuple(labels.shape)}"
            )
        if labels is not None and len(labels) and int(labels.min()) < 0:
            raise ValueError(f"labels must be class indices of at least 0, and one is {int(labels.min())}")
        vectors = self.embeddings
        if vectors is not None and (
            vectors.ndim != 2 or vectors.dtype != torch.float32 or vectors.shape[0] != len(images)
        ):
            raise ValueError(
                f"embeddings must be float32 of shape ({len(images)}, dimensions), not {vectors.dtype} of shape "
                f"{tuple(vectors.shape)}"
            )
        if vectors is not None and not bool(vectors.isfinite().all()):
            raise ValueError("embeddings must be finite numbers, and some are infinite or not a number")
        if self.captions is not None and not isinstance(self.captions, Captions):
            raise ValueError(f"captions must be priorkit.interfaces.Captions, not {type(self.captions).__name__}")
        if self.captions is not None and len(self.captions) != len(images):
            raise ValueError(f"there are captions for {len(self.captions)} images, but {len(images)} images")

    def __len__(self) -> int:
        return len(self.images)

    @property
    def shape(self) -> tuple[int, int, int]:
        """The shape (C, H, W) of every image."""
        images = self.images
        channels, height, width = images.shape[1:] if isinstance(images, Tensor) else images.shape
        return int(channels), int(height), int(width)

    def take(self, indices: Tensor) -> Tensor:
        """Images by their indices (int64, shape (n,)): uint8, shape (n, C, H, W), on the CPU.

        Raises:
            DataError: A stored image cannot be read.
            ValueError: Stored images break their contract.
        """
        if isinstance(self.images, Tensor):
            return self.images[indices]
        pixels = self.images.read(indices)
        if pixels.dtype != torch.uint8 or pixels.shape != (len(indices), *self.shape):
            raise ValueError(_expected(pixels.dtype, pixels.shape, (len(indices), *self.shape)))
        return pixels.contiguous()

    def spread_indices(self, number: int) -> Tensor:
        """`number` indices evenly spaced over the set, int64; with repetitions if there are fewer images."""
        return torch.arange(number) * max(len(self), number) // number % len(self)

    def first(self, number: int) -> Tensor:
        """The first `number` images, or all if there are fewer: uint8, shape (n, C, H, W)."""
        return self.take(torch.arange(min(number, len(self))))

    def spread(self, number: int) -> Tensor:
        """`number` images evenly spaced over the set, or all if there are fewer: uint8, shape (n, C, H, W)."""
        number = min(number, len(self))
        return self.take(torch.arange(number) * len(self) // max(number, 1))


def _expected(dtype: torch.dtype, shape: Sequence[int], expected: Sequence[int] = ()) -> str:
    wanted = tuple(expected) or "(N, 1 or 3, H, W)"
    return f"images must be uint8 of shape {wanted}, not {dtype} of shape {tuple(shape)}"


@dataclass(frozen=True)
class ImageData:
    """The data of a run: training images, held-out images and what is known of them.

    Attributes:
        train: The images to train on.
        test: Held-out images of the same shape, never trained on; at least one.
        class_names: The names of the classes, in the order of the labels; empty if there are none.
        notes: What the source did to the images (padded, resized, held out), one short sentence each; shown to the
            user.
        transform: Random augmentation (crops, flips) of one training image, uint8 (C, H, W) to the same shape and
            dtype, or None. Applied anew each time that the image is used. It must draw from torch's global generator,
            which priorkit seeds for each image of each step.
        chosen: Settings that the user left open and the source chose: `image_size`, in pixels, or `channels`, 1 or 3,
            or both. The run's configuration records them, so that the same images are read the next time; `notes`
            should mention them.

    Examples:
        >>> import torch
        >>> from priorkit.interfaces import ImageData, ImageSet
        >>> blank = ImageSet(torch.zeros(5, 3, 32, 32, dtype=torch.uint8))
        >>> ImageData(train=blank, test=blank).shape
        ImageShape(channels=3, size=32)
    """

    train: ImageSet
    test: ImageSet
    class_names: Sequence[str] = ()
    notes: Sequence[str] = field(default=())
    transform: Callable[[Tensor], Tensor] | None = None
    chosen: Mapping[str, int] = field(default_factory=dict)

    @property
    def shape(self) -> ImageShape:
        """The images' shape.

        Raises:
            ValueError: The images are not square, or the two sets differ in shape.
        """
        channels, height, width = self.train.shape
        if height != width or self.test.shape != self.train.shape:
            raise ValueError(
                f"training images {self.train.shape} and held-out images {self.test.shape} must be square and of one "
                "shape"
            )
        return ImageShape(channels, height)


class DataSource(abc.ABC):
    """A data set, ready to be read.

    Attributes:
        reads_data_dir: Whether this data set reads files from the user's folder (`DataContext.data_dir`). If False,
            priorkit refuses a `--data-dir`, which would be ignored.

    Examples:
        >>> import torch
        >>> from priorkit.interfaces import DataSource, ImageData, ImageSet
        >>> class BlankSource(DataSource):
        ...     reads_data_dir = False
        ...
        ...     def load(self):
        ...         blank = ImageSet(torch.zeros(100, 1, 16, 16, dtype=torch.uint8))
        ...         return ImageData(train=blank, test=blank)
        >>> len(BlankSource().load().train)
        100
    """

    reads_data_dir: ClassVar[bool] = True

    @abc.abstractmethod
    def load(self) -> ImageData:
        """Reads the images.

        Raises:
            DataError: The files are missing or broken; the message names them and says what was expected.
        """

    def read_file(self, path: Path) -> Tensor | None:
        """Reads one image file as this data set reads its own files: uint8 (C, H, W), C being 1 or 3.

        priorkit then converts the image to the size and channels of the images of `load`.

        Returns:
            The image; or None, the default, if priorkit should read the file in the standard way.

        Raises:
            DataError: The file is not an image.
        """
        return None
