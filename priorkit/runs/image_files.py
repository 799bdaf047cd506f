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
                upright = ImageOps.exif_transpose(opened).convert("L" if shape.channels == 1 else "RGB")
        except FileNotFoundError:
            raise DataError(f"no image {str(path)!r}: check the path") from None
        except Exception as error:
            raise DataError(f"cannot read {str(path)!r} as an image: {error}") from None
        fitted = ImageOps.fit(upright, (shape.size, shape.size), Image.Resampling.BICUBIC)
        array = np.asarray(fitted, dtype=np.uint8).reshape(shape.size, shape.size, shape.channels)
        images.append(torch.from_numpy(array.copy()).permute(2, 0, 1))
    return torch.stack(images)
