"""Reads the user's image files in the shape that a run was trained on."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor

from priorkit.errors import DataError
from priorkit.interfaces import ImageShape

__all__ = ["read_images"]


def read_images(paths: Sequence[Path], shape: ImageShape) -> Tensor:
    """Reads images, cropped to the central square, resized and converted to a run's shape.

    The orientation that a camera noted (EXIF) is applied, 16-bit grey is scaled to 8 bits, and transparent parts are
    laid on white.

    Args:
        paths: The files, at least one.
        shape: The shape that the run was trained on.

    Returns:
        uint8, shape (N, C, size, size).

    Raises:
        DataError: A file is missing or is no image.
    """
    images = []
    for path in paths:
        try:
            with Image.open(path) as opened:
                plain = _plain(ImageOps.exif_transpose(opened)).convert("L" if shape.channels == 1 else "RGB")
        except FileNotFoundError:
            raise DataError(f"no image {str(path)!r}: check the path") from None
        except Exception as error:
            raise DataError(f"cannot read {str(path)!r} as an image: {error}") from None
        fitted = ImageOps.fit(plain, (shape.size, shape.size), Image.Resampling.BICUBIC)
        array = np.asarray(fitted, dtype=np.uint8).reshape(shape.size, shape.size, shape.channels)
        images.append(torch.from_numpy(array.copy()).permute(2, 0, 1))
    return torch.stack(images)


def _plain(image: Image.Image) -> Image.Image:
    """An image of 8 bits a channel that hides nothing.

    Raises:
        ValueError: Its pixels are floating-point numbers, or have more than 16 bits.
    """
    if image.mode == "F":
        raise ValueError("its pixels are floating-point numbers; save it with 8 bits")
    if image.mode.startswith("I"):
        # 16 bits, in Pillow's modes of 16 or of 32.
        values = np.asarray(image)
        if values.min() < 0 or values.max() > 65535:
            raise ValueError("it has more than 16 bits a pixel; save it with 8")
        return Image.fromarray((values / 257).round().astype(np.uint8))
    if "A" in image.getbands() or "transparency" in image.info:
        image = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
    return image
