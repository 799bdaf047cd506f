"""Reads the user's image files in the same way as the images of a run."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor

from priorkit.data import Preparation, fit_alike
from priorkit.errors import DataError
from priorkit.interfaces import ImageShape
from priorkit.plugins import central_square
from priorkit.whole_files import open_regular

__all__ = ["read_images"]

Reader = Callable[[Path], Tensor | None]


def read_images(
    paths: Sequence[Path],
    shape: ImageShape,
    preparation: Preparation | None = None,
    reader: Reader = lambda path: None,
) -> Tensor:
    """Reads images and preprocesses them like a run's own images.

    A file of the data set's original size is cropped, padded or resized exactly as in training. A file of the run's own
    size is used unchanged. Of other files, the central square is first resized to the data set's size. The orientation
    that a camera noted (EXIF) is applied, 16-bit grey is scaled to 8 bits, and transparent parts become white.

    Args:
        paths: The files, at least one.
        shape: The shape that the run was trained on.
        preparation: The preprocessing of the run's images; None if the run is of an earlier version, which did not
            record it: central squares are then resized to the run's size.
        reader: The data set's own function to read a file, uint8 (C, H, W), if it has one (`DataSource.read_file`).

    Returns:
        uint8, shape (N, C, size, size).

    Raises:
        DataError: A file is missing or is not an image.

    Examples:
        >>> from pathlib import Path
        >>> from PIL import Image
        >>> from priorkit.interfaces import ImageShape
        >>> from priorkit.runs import read_images
        >>> Image.new("RGB", (640, 480), "white").save("photo.png")
        >>> read_images([Path("photo.png")], ImageShape(channels=1, size=16)).shape
        torch.Size([1, 1, 16, 16])
    """
    return torch.cat([_read(path, shape, preparation, reader) for path in paths])


def _read(path: Path, shape: ImageShape, preparation: Preparation | None, reader: Reader) -> Tensor:
    if not path.exists():
        raise DataError(f"no image {str(path)!r}: check the path")
    pixels = reader(path)
    image = _opened(path) if pixels is None else _image(pixels)
    final = (shape.size, shape.size)
    if preparation is None or image.size == final:
        preparation = Preparation((shape.channels, *final), None)
    channels, height, width = preparation.given
    image = image.convert("L" if channels == 1 else "RGB")
    if image.size != (width, height):
        image = central_square(image, min(width, height))
    return fit_alike(_pixels(image)[None], preparation, shape)


def _image(pixels: Tensor) -> Image.Image:
    return Image.fromarray(pixels.permute(1, 2, 0).squeeze(2).numpy())


def _pixels(image: Image.Image) -> Tensor:
    """The pixels of a grey or RGB image, uint8 (C, H, W)."""
    return torch.tensor(np.asarray(image)).view(image.height, image.width, -1).permute(2, 0, 1)


def _opened(path: Path) -> Image.Image:
    try:
        with open_regular(path) as file, Image.open(file) as opened:
            return _plain(ImageOps.exif_transpose(opened))
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise DataError(f"cannot read {str(path)!r} as an image: {reason}") from None


def _plain(image: Image.Image) -> Image.Image:
    """Converts an image to 8 bits a channel, without transparency.

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
    return image.convert("L" if image.mode in ("1", "L") else "RGB")
