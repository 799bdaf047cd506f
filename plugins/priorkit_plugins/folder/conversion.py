"""Converts image files to a common size and common channels."""

from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from priorkit.errors import DataError
from priorkit.plugins import central_square
from priorkit_plugins.folder.picture import FULL_RANGE, Header, read_picture

__all__ = ["Conversion", "check_alike", "conversion_notes", "size_in_words"]

_LARGEST = 128
"""Side of the largest images that priorkit trains on. Larger images are reduced as they are read, to save memory."""


class Conversion(NamedTuple):
    """The conversion of each single file.

    Attributes:
        image_size: Side in pixels that the user asked for, or None.
        channels: 1 or 3, if the user asked for it.
        value_range: The values of 16-bit grey that become black and white.
    """

    image_size: int | None
    channels: int | None
    value_range: tuple[int, int] = FULL_RANGE

    def read(self, path: Path) -> tuple[Header, Image.Image]:
        """Reads a file: its header, and the converted image.

        Squares larger than `image_size` (128 by default) are reduced to it.

        Raises:
            DataError: The file cannot be read.
        """
        image, transparent, bits = read_picture(path, self.value_range)
        header = Header(image.size, len(image.getbands()), transparent, bits)
        if self.channels is not None:
            image = image.convert("L" if self.channels == 1 else "RGB")
        size = self.size(header)
        if size != image.size:
            image = central_square(image, size[0])
        return header, image

    def size(self, header: Header) -> tuple[int, int]:
        """The width and height of an image returned by `read`."""
        side, limit = min(header.size), self.image_size or _LARGEST
        if side > limit:
            return limit, limit
        return header.size if self.image_size is None else (side, side)

    def common_size(self, headers: Collection[Header]) -> tuple[int, int]:
        """The final width and height of images: if they differ, squares of `image_size`."""
        sizes = {self.size(header) for header in headers}
        if len(sizes) == 1:
            return sizes.pop()
        assert self.image_size is not None, "without a size to bring them to, images are alike"
        return self.image_size, self.image_size


def check_alike(first: tuple[Path, Header], other: tuple[Path, Header], conversion: Conversion) -> None:
    """Checks that two files have the same size and channels after conversion.

    Raises:
        DataError: They differ in size or channels, and the user set no common size or channels.
    """
    (first_path, first_header), (path, header) = first, other
    if conversion.image_size is None and header.size != first_header.size:
        raise DataError(
            f"images differ in size: {first_path} has {size_in_words(first_header.size)} pixels, {path} "
            f"{size_in_words(header.size)}; --image-size 64 brings all to one size"
        )
    if conversion.channels is None and header.channels != first_header.channels:
        grey, colour = (first_path, path) if first_header.channels == 1 else (path, first_path)
        raise DataError(
            f"grey and colour images are mixed: {grey} is grey, {colour} is in colour; --channels 1 or --channels "
            "3 brings all to one kind"
        )


def conversion_notes(headers: Collection[Header], size: tuple[int, int], channels: int) -> list[str]:
    """Describes the conversion of images of these kinds to this width and height and these channels."""
    notes = []
    sizes = {header.size for header in headers}
    smallest, largest = min(sizes), max(sizes)
    if len(sizes) > 1:
        differ = f"images differ in size ({size_in_words(smallest)}, {size_in_words(largest)}, ...)"
        notes.append(f"{differ}: their central squares are resized to {size_in_words(size)}")
    elif size != largest:
        resized = "" if size[0] == min(largest) else f" and resized to {size_in_words(size)}"
        notes.append(f"images {size_in_words(largest)} (width x height) are cropped to their central square{resized}")
    if any(header.channels != channels for header in headers):
        notes.append("colour images are converted to grey" if channels == 1 else "grey images are repeated as RGB")
    return notes


def size_in_words(size: tuple[int, int]) -> str:
    """A width and a height, as `640x480`."""
    return f"{size[0]}x{size[1]}"
