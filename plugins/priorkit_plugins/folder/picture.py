"""Reads one image file as plain grey or RGB."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from priorkit.errors import DataError

__all__ = ["FULL_RANGE", "BrokenFileError", "Header", "Picture", "read_header", "read_picture", "read_values"]

FULL_RANGE = (0, 65535)
"""The range of 16-bit values."""

_FLOATING_POINT = "its pixels are floating-point numbers; save it with 8 bits"
_ORIENTATION = 0x0112
"""EXIF tag: which way up the camera was held."""
_SIDEWAYS = (5, 6, 7, 8)
_EXIF_FIRST = ("JPEG", "MPO")
"""Formats whose EXIF comes before the pixels; elsewhere it may come after them."""


class BrokenFileError(DataError):
    """A file that is not an image, or damaged: reading it would fail on any machine."""


class _UnsuitableError(ValueError):
    """An image is intact, but of a kind that is not supported."""


class Picture(NamedTuple):
    """An image file's content.

    Attributes:
        image: In Pillow's mode L (grey) or RGB, upright.
        transparent: Whether parts were transparent; they are white now.
        bits: Bits of each value in the file, 8 or 16.
    """

    image: Image.Image
    transparent: bool
    bits: int


class Header(NamedTuple):
    """What is known of an image file before its pixels are decoded.

    Attributes:
        size: Width and height of the upright image.
        channels: 1 for grey, 3 for colour.
        transparent: Whether parts may be transparent.
        bits: Bits of each value, 8 or 16.
    """

    size: tuple[int, int]
    channels: int
    transparent: bool
    bits: int


def read_header(path: Path) -> Header:
    """Reads the header of an image file, if possible without decoding its pixels.

    Raises:
        BrokenFileError: The file is not an image, or its beginning is damaged.
        DataError: The file cannot be read, or its pixels are of an unsupported kind.
    """
    with _explained(path), Image.open(path) as file:
        if file.mode == "F":
            raise _UnsuitableError(_FLOATING_POINT)
        width, height = file.size
        # The orientation of a square does not change its size.
        if width != height and file.format in _EXIF_FIRST:
            turned = file.getexif().get(_ORIENTATION) in _SIDEWAYS
            width, height = (height, width) if turned else (width, height)
        elif width != height:
            width, height = ImageOps.exif_transpose(file).size
        return Header((width, height), 1 if _is_grey(file) else 3, _may_be_transparent(file), _bits(file))


def read_picture(path: Path, value_range: tuple[int, int] = FULL_RANGE) -> Picture:
    """Reads an image file.

    The orientation in the EXIF data is applied. Palettes, CMYK and other colour spaces become RGB, black and white
    becomes grey, 16-bit grey becomes 8-bit, transparent parts become white, and of several frames the first is used.

    Args:
        path: The file.
        value_range: The values of 16-bit grey that become 0 and 255; values outside are clipped.

    Raises:
        BrokenFileError: The file is not an image, or damaged.
        DataError: The file cannot be read, or its pixels are of an unsupported kind (32-bit numbers).
    """
    with _explained(path), Image.open(path) as file:
        bits = _bits(file)
        return _plain(ImageOps.exif_transpose(file), bits, value_range)


def read_values(path: Path) -> tuple[int, int]:
    """The smallest and the largest value of a 16-bit image: from 0 to 65535.

    Raises:
        DataError: The file is not an image, damaged, or has more bits.
    """
    with _explained(path), Image.open(path) as file:
        if not file.mode.startswith("I"):
            # Pillow keeps the upper 8 bits of colours.
            shown = np.asarray(file.convert("RGB").convert("L"))
            return int(shown.min()) * 257, int(shown.max()) * 257
        values = _checked(file)
        return int(values.min()), int(values.max())


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Turns errors of a broken file into one line that names the file."""
    try:
        yield
    except UnidentifiedImageError as error:
        raise BrokenFileError(f"{path} is not an image, or its beginning is damaged: replace or remove it") from error
    except Exception as error:  # Pillow's decoders raise many kinds of error on broken files
        reason = " ".join(str(error).split()) or type(error).__name__
        # A file that the system refuses to read, or that needs too much memory, may be intact.
        of_system = isinstance(error, OSError) and error.errno is not None
        sound = of_system or isinstance(error, MemoryError | _UnsuitableError | Image.DecompressionBombError)
        kind = DataError if sound else BrokenFileError
        raise kind(f"{path} cannot be read as an image ({reason}): replace or remove it") from error


def _is_grey(image: Image.Image) -> bool:
    return image.mode in ("1", "L", "LA") or image.mode.startswith("I")  # I: 16 bits a pixel, or 32 that hold 16


def _may_be_transparent(image: Image.Image) -> bool:
    return "A" in image.getbands() or "transparency" in image.info


def _bits(image: Image.Image) -> int:
    """Bits of each value in a file, before its pixels are decoded."""
    return 16 if image.mode.startswith("I") or any(";16" in str(tile[3]) for tile in getattr(image, "tile", ())) else 8


def _checked(image: Image.Image) -> NDArray[Any]:
    values = np.asarray(image)
    if values.min() < 0 or values.max() > FULL_RANGE[1]:
        raise _UnsuitableError("it has more than 16 bits a pixel; save it with 8")
    return values


def _plain(image: Image.Image, bits: int, value_range: tuple[int, int]) -> Picture:
    if image.mode.startswith("I"):
        low, high = value_range
        scaled = (_checked(image).astype(np.float64) - low) / ((high - low) / 255)
        return Picture(Image.fromarray(scaled.round().clip(0, 255).astype(np.uint8)), False, bits)
    if image.mode == "F":
        raise _UnsuitableError(_FLOATING_POINT)
    grey = _is_grey(image)
    transparent = _may_be_transparent(image)
    if transparent:
        image = image.convert("RGBA")
        # An alpha channel that is fully opaque needs no note.
        transparent = image.getchannel("A").getextrema() != (255, 255)
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return Picture(image.convert("RGB").convert("L") if grey else image.convert("RGB"), transparent, bits)
