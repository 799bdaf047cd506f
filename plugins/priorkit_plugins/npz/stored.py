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
"""Bytes of a zip member's own header before its name, which tells the lengths of name and extra field at the end."""


class Place(NamedTuple):
    """Where the numbers of an array lie in a file.

    Attributes:
        path: The file.
        key: The array's name.
        offset: The first byte.
        header: Bytes that go before it in the array's own part of the file, once that is unpacked.
        compressed: Whether that part is compressed; then `offset` is of no use.
        fortran: Whether the numbers are in Fortran's order.
        shape: The array's shape.
        dtype: The numbers' type.
        checksum: The CRC-32 that the file keeps of the array.
        size: Bytes of the whole file.
        modified: When it was last changed, in nanoseconds.
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
        """Whether these are images, one behind the other."""
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
    """Images of an array in a file, read from there.

    They are read, not mapped into memory: a file that is cut off meanwhile is an error then, and not the end of the
    process.

    Args:
        place: Where the array lies: uint8, shape (N, H, W) or (N, H, W, C).
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
            DataError: The file is gone, cut off, or has been changed.
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
        """Of the array's checksum, and of which images these are."""
        return chosen_fingerprint(self.place, self.chosen)


def chosen_fingerprint(place: Place, chosen: NDArray[np.int64]) -> str:
    """Of some images of an array, whether they are read there or all at once."""
    return hashlib.blake2b(b"%08x" % place.checksum + chosen.astype("<i8").tobytes(), digest_size=16).hexdigest()
