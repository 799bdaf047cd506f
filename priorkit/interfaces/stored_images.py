"""Images that are too many to be held in memory."""

import abc

from torch import Tensor

__all__ = ["StoredImages"]


class StoredImages(abc.ABC):
    """Images that stay on disk and are read when they are asked for.

    Several processes read at a time: each has a copy of this object, made by forking or pickling, so it holds no open
    file and changes nothing in itself when it reads. It stays small however many images there are.

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
        """How many images there are."""

    @abc.abstractmethod
    def read(self, indices: Tensor) -> Tensor:
        """Reads images: uint8, shape (n, C, H, W), contiguous, on the CPU.

        The same index gives the same pixels, whichever are read with it.

        Args:
            indices: int64, shape (n,), each at least 0 and below the number of images; in any order, also repeated.

        Raises:
            DataError: An image is missing, broken or of another shape; the message names it, in one line.
        """

    @abc.abstractmethod
    def fingerprint(self) -> str:
        """A short text that differs where an image or the order differs, found without reading all pixels.

        It is made of what stays when the files are copied elsewhere: names below the data set's folder, sizes,
        checksums, but no times and no absolute paths.

        Raises:
            DataError: A file is missing.
        """
