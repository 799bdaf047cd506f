"""Reads one image file as plain grey or RGB."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from priorkit.errors import DataError

__all__ = ["Picture", "read_picture"]


class Picture(NamedTuple):
    """An image file's content.

    Attributes:
        image: In Pillow's mode L (grey) or RGB, upright.
        transparent: Whether parts of it were transparent; they are white now.
    """

    image: Image.Image
    transparent: bool


def read_picture(path: Path) -> Picture:
    """Reads an image file.

    The orientation that a camera noted (EXIF) is applied. Palettes, CMYK and other colour spaces become RGB, black and
    white becomes grey, 16-bit grey is divided by 257 so that it fills 8 bits, transparent parts are laid on white, and
    of several frames the first counts.

    Raises:
        DataError: The file is no image, damaged, or has pixels that do not fit (32-bit numbers).
    """
    try:
        with Image.open(path) as file:
            return _plain(ImageOps.exif_transpose(file))
    except UnidentifiedImageError as error:
        raise DataError(f"{path} is no image, or its beginning is damaged: replace or remove it") from error
    except Exception as error:  # Pillow's decoders raise many kinds of error on broken files
        reason = " ".join(str(error).split()) or type(error).__name__
        raise DataError(f"{path} cannot be read as an image ({reason}): replace or remove it") from error


def _plain(image: Image.Image) -> Picture:
    if image.mode.startswith("I"):  # 16 bits a pixel, or 32 that hold 16
        values = np.asarray(image)
        if values.min() < 0 or values.max() > 65535:
            raise ValueError("it has more than 16 bits a pixel; save it with 8")
        return Picture(Image.fromarray((values / 257).round().astype(np.uint8)), transparent=False)
    if image.mode == "F":
        raise ValueError("its pixels are floating-point numbers; save it with 8 bits")
    grey = image.mode in ("1", "L", "LA")
    transparent = "A" in image.getbands() or "transparency" in image.info
    if transparent:
        image = image.convert("RGBA")
        # An alpha channel that hides nothing is not worth a word.
        transparent = image.getchannel("A").getextrema() != (255, 255)
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return Picture(image.convert("RGB").convert("L") if grey else image.convert("RGB"), transparent)
