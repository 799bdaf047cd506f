"""Images that stay on disk, for data sets that do not fit into memory."""

import abc

from torch import Tensor

__all__ = ["StoredImages"]


class StoredImages(abc.ABC):
    """Images that stay on disk and are read when needed.

    Several processes read at the same time, each with a copy of this object, made by forking or pickling. The object
    must therefore hold no open file, must not change when it reads, and must be small for any number of images.

    Examples:
        >>> import torch
        >>> from priorkit.interfaces import StoredImages
        >>> class GreyLevels(StoredImages):
        ...     shape = (1, 16, 16)
        ...
        ...     def __len__(self):
        ...         return 256
        ...
        ...     def read(self, indices):
        ...         return indices.to(torch.uint8).view(-1, 1, 1, 1).repeat(1, *self.shape)
        ...
        ...     def fingerprint(self):
        ...         return "every grey level once"
        >>> GreyLevels().read(torch.tensor([7, 255]))[:, 0, 0, 0]
        tensor([  7, 255], dtype=torch.uint8)
    """

    @property
    @abc.abstractmethod
    def shape(self) -> tuple[int, int, int]:
        """The shape (C, H, W) of every image, C being 1 or 3."""

    @abc.abstractmethod
    def __len__(self) -> int:
        """The number of images."""

    @abc.abstractmethod
    def read(self, indices: Tensor) -> Tensor:
        """Reads images: uint8, shape (n, C, H, W), contiguous, on the CPU.

        An index always gives the same pixels, whatever other images are read with it.

        Args:
            indices: int64, shape (n,), each at least 0 and below the number of images, in any order, repetitions
                allowed.

        Raises:
            DataError: An image is missing, broken or of another shape; the message names it, in one line.
        """

    @abc.abstractmethod
    def fingerprint(self) -> str:
        """A short text that identifies the images and their order, found without reading all pixels.

        It depends only on what survives copying the files: names below the data set's folder, sizes and checksums, but
        no times and no absolute paths.

        Raises:
            DataError: A file is missing.
        """
