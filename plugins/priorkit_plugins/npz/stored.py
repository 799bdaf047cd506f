"""Images that stay in an uncompressed .npz file."""

import hashlib
import math
import os
import zipfile
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from priorkit.errors import DataError
from priorkit.interfaces import StoredImages

__all__ = ["ArrayImages", "Place", "array_place", "chosen_fingerprint"]

_LOCAL_HEADER = 30
"""Bytes of a zip member's local header before its name; they end with the lengths of name and extra field."""


class Place(NamedTuple):
    """The place of an array's numbers in a file.

    Attributes:
        path: The file.
        key: The array's name.
        offset: The first byte.
        header: Bytes before the numbers in the unpacked member of the archive.
        compressed: Whether the member is compressed; if so, `offset` has no meaning.
        fortran: Whether the numbers are in Fortran order.
        shape: The array's shape.
        dtype: The numbers' type.
        checksum: The array's CRC-32 in the file.
        size: Bytes of the whole file.
        modified: Time of the file's last change, in nanoseconds.
    """

    path: Path
    key: str
    offset: int
    header: int
    compressed: bool
    fortran: bool
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    checksum: int
    size: int
    modified: int

    @property
    def nbytes(self) -> int:
        """Bytes that the array takes."""
        return math.prod(self.shape) * self.dtype.itemsize

    @property
    def holds_images(self) -> bool:
        """Whether these are images, in consecutive order."""
        return self.dtype == np.uint8 and len(self.shape) in (3, 4) and self.nbytes > 0 and not self.fortran

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """The shape (C, H, W) of the images of an array (N, H, W) or (N, H, W, C)."""
        _, height, width, *channels = self.shape
        return channels[0] if channels else 1, height, width


def array_place(path: Path, key: str) -> Place:
    """Finds an array in a .npz file.

    Raises:
        OSError, ValueError, KeyError, zipfile.BadZipFile: The file is broken, or has no such array.
    """
    with path.open("rb") as file, zipfile.ZipFile(file) as archive:
        info = archive.getinfo(f"{key}.npy")
        with archive.open(info) as member:
            version = np.lib.format.read_magic(member)
            read = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
            if version not in read:
                raise ValueError(f"its format {version} is not known")
            shape, fortran, dtype = read[version](member)
            header = member.tell()
        file.seek(info.header_offset)
        local = file.read(_LOCAL_HEADER)
        names = sum(int.from_bytes(local[start : start + 2], "little") for start in (26, 28))
        status = os.fstat(file.fileno())
    offset = info.header_offset + _LOCAL_HEADER + names + header
    compressed = info.compress_type != zipfile.ZIP_STORED
    place = Place(
        path, key, offset, header, compressed, fortran, shape, dtype, info.CRC, status.st_size, status.st_mtime_ns
    )
    if info.file_size < header + place.nbytes:
        raise ValueError("it ends early")
    return place


class ArrayImages(StoredImages):
    """Images of an array that stays in its file.

    They are read rather than memory-mapped, so that a file that is truncated meanwhile causes an error and does not
    kill the process.

    Args:
        place: The array's place: uint8, shape (N, H, W) or (N, H, W, C).
        chosen: Indices of the images in the array, int64.
    """

    def __init__(self, place: Place, chosen: NDArray[np.int64]) -> None:
        self.place = place
        self.chosen = chosen

    @property
    def shape(self) -> tuple[int, int, int]:
        """The shape (C, H, W) of every image."""
        return self.place.image_shape

    def __len__(self) -> int:
        return len(self.chosen)

    def read(self, indices: Tensor) -> Tensor:
        """Reads images from the file.

        Raises:
            DataError: The file is missing, cut off, or has been changed.
        """
        channels, height, width = self.shape
        result = np.empty((len(indices), height, width, channels), dtype=np.uint8)
        path, nbytes = self.place.path, height * width * channels
        try:
            with path.open("rb", buffering=0) as file:
                status = os.fstat(file.fileno())
                if (status.st_size, status.st_mtime_ns) != (self.place.size, self.place.modified):
                    raise DataError(f"{path} has been changed since it was loaded: put back what was there")
                for image, index in zip(result, self.chosen[indices.numpy()].tolist(), strict=True):
                    file.seek(self.place.offset + index * nbytes)
                    if file.readinto(image.data.cast("B")) != nbytes:
                        raise DataError(f"{path} ends before image {index}: put back the file that was loaded")
        except OSError as error:
            raise DataError(f"{path} cannot be read ({error.strerror or error}): put it back") from error
        return torch.from_numpy(result).permute(0, 3, 1, 2).contiguous()

    def fingerprint(self) -> str:
        """A hash of the array's checksum and the images' indices."""
        return chosen_fingerprint(self.place, self.chosen)


def chosen_fingerprint(place: Place, chosen: NDArray[np.int64]) -> str:
    """The fingerprint of some images of an array, the same whether they are streamed or in memory."""
    return hashlib.blake2b(b"%08x" % place.checksum + chosen.astype("<i8").tobytes(), digest_size=16).hexdigest()
