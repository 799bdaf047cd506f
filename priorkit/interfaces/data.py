"""Where the images come from."""

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
        images: uint8, shape (N, C, H, W), C being 1 or 3, on the CPU; or images that are read when they are needed.
        labels: int64 class indices, shape (N,), or None where there are none.
        fingerprint: Of images in memory: what `StoredImages.fingerprint` says of the same images, if their source can
            give them either way. By it a run that was started one way is resumed the other.
        embeddings: A description of each image as a vector, float32 (N, embedding_dim), or None where there are none.
        captions: Descriptions of each image in words, one or several, or None where there are none.

    Raises:
        ValueError: A tensor has another dtype or shape, or there is another number of captions.

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
            raise ValueError(f"labels must be class indices from 0 on, and one is {int(labels.min())}")
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
            raise ValueError(f"there are captions of {len(self.captions)} images, and {len(images)} images")

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
        """`number` indices evenly spaced over the set, int64; repeated where there are fewer images."""
        return torch.arange(number) * max(len(self), number) // number % len(self)

    def first(self, number: int) -> Tensor:
        """The first `number` images, or all where there are fewer: uint8, shape (n, C, H, W)."""
        return self.take(torch.arange(min(number, len(self))))

    def spread(self, number: int) -> Tensor:
        """`number` images evenly spaced over the set, or all where there are fewer: uint8, shape (n, C, H, W)."""
        number = min(number, len(self))
        return self.take(torch.arange(number) * len(self) // max(number, 1))


def _expected(dtype: torch.dtype, shape: Sequence[int], expected: Sequence[int] = ()) -> str:
    wanted = tuple(expected) or "(N, 1 or 3, H, W)"
    return f"images must be uint8 of shape {wanted}, not {dtype} of shape {tuple(shape)}"


@dataclass(frozen=True)
class ImageData:
    """What a data set gives to a run.

    Attributes:
        train: The images to train on.
        test: Held-out images of the same shape, never trained on; at least one.
        class_names: The name of each class, in the order of the labels; empty where there are none.
        notes: What was done to the images on the way (padded, resized, held out), one short sentence each. The run
            shows them.
        transform: Changes a training image at random (crops, flips), uint8 (C, H, W) to the same shape and dtype, each
            time that it is trained on; or None. It draws from torch's global generator, which priorkit seeds for each
            image of each step.
        chosen: What the source has chosen where the user left it open: `image_size`, in pixels, and `channels`, 1 or 3,
            or one of them. The run's configuration takes it up, so that the same images are read the next time; `notes`
            say it.

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
        reads_data_dir: Whether it reads files from the user's folder (`DataContext.data_dir`). A data set that says no
            is never given one: priorkit tells the user that it would be ignored.

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
        """Reads an image file that the user names, as this data set reads its own: uint8 (C, H, W), C being 1 or 3.

        priorkit brings it to the size and channels that the images of `load` have.

        Returns:
            The image; None, by default, if this data set does nothing special to files.

        Raises:
            DataError: The file is no image.
        """
        return None
