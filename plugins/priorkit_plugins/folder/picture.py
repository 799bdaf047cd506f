"""Reads one image file as plain grey or RGB."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from priorkit.errors import DataError

__all__ = ["Header", "Picture", "read_header", "read_picture"]

_FLOATING_POINT = "its pixels are floating-point numbers; save it with 8 bits"
_ORIENTATION = 0x0112
"""EXIF tag: which way up the camera was held."""
_SIDEWAYS = (5, 6, 7, 8)
_EXIF_FIRST = ("JPEG", "MPO")
"""Formats whose EXIF comes before the pixels; elsewhere it may come after them."""


class Picture(NamedTuple):
    """An image file's content.

    Attributes:
        image: In Pillow's mode L (grey) or RGB, upright.
        transparent: Whether parts of it were transparent; they are white now.
    """

    image: Image.Image
    transparent: bool


class Header(NamedTuple):
    """What an image file says before its pixels.

    Attributes:
        size: Width and height of the upright image.
        channels: 1 for grey, 3 for colour.
        transparent: Whether parts of it may be transparent.
    """

    size: tuple[int, int]
    channels: int
    transparent: bool


def read_header(path: Path) -> Header:
    """Looks at an image file without decoding its pixels, where it can be avoided.

    Raises:
        DataError: The file is no image, or has pixels that do not fit.
    """
    with _explained(path), Image.open(path) as file:
        if file.mode == "F":
            raise ValueError(_FLOATING_POINT)
        width, height = file.size
        # Of a square it does not matter which side is up.
        if width != height and file.format in _EXIF_FIRST:
            turned = file.getexif().get(_ORIENTATION) in _SIDEWAYS
            width, height = (height, width) if turned else (width, height)
        elif width != height:
            width, height = ImageOps.exif_transpose(file).size
        return Header((width, height), 1 if _is_grey(file) else 3, _may_be_transparent(file))


def read_picture(path: Path) -> Picture:
    """Reads an image file.

    The orientation that a camera noted (EXIF) is applied. Palettes, CMYK and other colour spaces become RGB, black and
    white becomes grey, 16-bit grey is divided by 257 so that it fills 8 bits, transparent parts are laid on white, and
    of several frames the first counts.

    Raises:
        DataError: The file is no image, damaged, or has pixels that do not fit (32-bit numbers).
    """
    with _explained(path), Image.open(path) as file:
        return _plain(ImageOps.exif_transpose(file))


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Turns what a broken file raises into one line that names it."""
    try:
        yield
    except UnidentifiedImageError as error:
        raise DataError(f"{path} is no image, or its beginning is damaged: replace or remove it") from error
    except Exception as error:  # Pillow's decoders raise many kinds of error on broken files
        reason = " ".join(str(error).split()) or type(error).__name__
        raise DataError(f"{path} cannot be read as an image ({reason}): replace or remove it") from error


def _is_grey(image: Image.Image) -> bool:
    return image.mode in ("1", "L", "LA") or image.mode.startswith("I")  # I: 16 bits a pixel, or 32 that hold 16


def _may_be_transparent(image: Image.Image) -> bool:
    return "A" in image.getbands() or "transparency" in image.info


def _plain(image: Image.Image) -> Picture:
    if image.mode.startswith("I"):
        values = np.asarray(image)
        if values.min() < 0 or values.max() > 65535:
            raise ValueError("it has more than 16 bits a pixel; save it with 8")
        return Picture(Image.fromarray((values / 257).round().astype(np.uint8)), transparent=False)
    if image.mode == "F":
        raise ValueError(_FLOATING_POINT)
    grey = _is_grey(image)
    transparent = _may_be_transparent(image)
    if transparent:
        image = image.convert("RGBA")
        # An alpha channel that hides nothing is not worth a word.
        transparent = image.getchannel("A").getextrema() != (255, 255)
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return Picture(image.convert("RGB").convert("L") if grey else image.convert("RGB"), transparent)
