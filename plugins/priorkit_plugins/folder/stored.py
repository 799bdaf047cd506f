"""Image files that are decoded when needed."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from priorkit.errors import DataError
from priorkit.interfaces import StoredImages
from priorkit.plugins import central_square
from priorkit_plugins.folder.conversion import Conversion, check_alike, size_in_words
from priorkit_plugins.folder.files import Files
from priorkit_plugins.folder.picture import Header

__all__ = ["FileImages", "Kind"]


class Kind(NamedTuple):
    """The common properties of a folder's images.

    Attributes:
        conversion: The conversion of each single image.
        size: Final width and height.
        channels: Final number of channels.
    """

    conversion: Conversion
    size: tuple[int, int]
    channels: int


class FileImages(StoredImages):
    """Image files, decoded and converted when they are read.

    Args:
        files: The files.
        kind: The common kind to which all are converted.
        model: An examined file, whose size and channels the others must match.
    """

    def __init__(self, files: Files, kind: Kind, model: tuple[Path, Header]) -> None:
        self.files = files
        self.kind = kind
        self.model = model

    @property
    def shape(self) -> tuple[int, int, int]:
        """The shape (C, H, W) of every image."""
        width, height = self.kind.size
        return self.kind.channels, height, width

    def __len__(self) -> int:
        return len(self.files)

    def read(self, indices: Tensor) -> Tensor:
        """Decodes files.

        Raises:
            DataError: A file is missing, broken, or does not match the others.
        """
        channels, height, width = self.shape
        result = np.empty((len(indices), height, width, channels), dtype=np.uint8)
        for image, index in zip(result, indices.tolist(), strict=True):
            image[:] = self._read(index)
        return torch.from_numpy(result).permute(0, 3, 1, 2).contiguous()

    def _read(self, index: int) -> np.ndarray:
        path = self.files[index]
        header, image = self.kind.conversion.read(path)
        check_alike(self.model, (path, header), self.kind.conversion)
        size, image_size = self.kind.size, self.kind.conversion.image_size
        if image.size != size:
            if size != (image_size, image_size):
                raise DataError(
                    f"{path} has {size_in_words(header.size)} pixels, but the files that were examined when training "
                    f"started all had {size_in_words(self.model[1].size)}: resize it, or examine all files "
                    "with --stream never"
                )
            image = central_square(image, image_size)
        pixels = np.asarray(image)
        return pixels if pixels.ndim == 3 else pixels[..., np.newaxis]

    def fingerprint(self) -> str:
        """Of the files' names and sizes, in their order."""
        return self.files.fingerprint()
