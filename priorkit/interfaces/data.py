"""Where the images come from."""

import abc
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import torch
from torch import Tensor

from priorkit.interfaces.networks import ImageShape

__all__ = ["DataSource", "ImageData", "ImageSet"]


@dataclass(frozen=True)
class ImageSet:
    """Images of one shape, in memory.

    Attributes:
        images: uint8, shape (N, C, H, W), C being 1 or 3, on the CPU.
        labels: int64 class indices, shape (N,), or None where there are none.

    Raises:
        ValueError: A tensor has another dtype or shape.
    """

    images: Tensor
    labels: Tensor | None = None

    def __post_init__(self) -> None:
        images, labels = self.images, self.labels
        if images.dtype != torch.uint8 or images.ndim != 4 or images.shape[1] not in (1, 3):
            raise ValueError(
                f"images must be uint8 of shape (N, 1 or 3, H, W), not {images.dtype} of shape {tuple(images.shape)}"
            )
        if labels is not None and (labels.dtype != torch.int64 or labels.shape != images.shape[:1]):
            raise ValueError(
                f"labels must be int64 of shape ({len(images)},), not {labels.dtype} of shape {tuple(labels.shape)}"
            )

    def __len__(self) -> int:
        return len(self.images)


@dataclass(frozen=True)
class ImageData:
    """What a data set gives to a run.

    Attributes:
        train: The images to train on.
        test: Held-out images of the same shape, never trained on; at least one.
        class_names: The name of each class, in the order of the labels; empty where there are none.
        notes: What was done to the images on the way (padded, resized, held out), one short sentence each. The run
            shows them.
    """

    train: ImageSet
    test: ImageSet
    class_names: Sequence[str] = ()
    notes: Sequence[str] = field(default=())

    @property
    def shape(self) -> ImageShape:
        """The images' shape.

        Raises:
            ValueError: The images are not square, or the two sets differ in shape.
        """
        channels, height, width = self.train.images.shape[1:]
        if height != width or self.test.images.shape[1:] != self.train.images.shape[1:]:
            raise ValueError(
                f"training images {tuple(self.train.images.shape[1:])} and held-out images "
                f"{tuple(self.test.images.shape[1:])} must be square and of one shape"
            )
        return ImageShape(int(channels), int(height))


class DataSource(abc.ABC):
    """A data set, ready to be read.

    Attributes:
        reads_data_dir: Whether it reads files from the user's folder (`DataContext.data_dir`). A data set that says no
            is never given one: priorkit tells the user that it would be ignored.
    """

    reads_data_dir: ClassVar[bool] = True

    @abc.abstractmethod
    def load(self) -> ImageData:
        """Reads the images.

        Raises:
            DataError: The files are missing or broken; the message names them and says what was expected.
        """
