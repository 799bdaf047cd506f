"""Makes pictures small enough for a repository: tiles of samples, with a palette of few colours."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

__all__ = ["save_small", "tiled"]

_BACKGROUND = 255


def tiled(images: npt.NDArray[np.uint8], columns: int, gap: int = 1) -> Image.Image:
    """Arranges images (N, H, W, C) in rows of `columns` images, with white gaps of `gap` pixels."""
    count, height, width, channels = images.shape
    rows = -(-count // columns)
    size = (rows * (height + gap) - gap, columns * (width + gap) - gap, channels)
    whole = np.full(size, _BACKGROUND, dtype=np.uint8)
    for index, image in enumerate(images):
        top, left = index // columns * (height + gap), index % columns * (width + gap)
        whole[top : top + height, left : left + width] = image
    return Image.fromarray(whole[:, :, 0] if channels == 1 else whole)


def save_small(picture: Image.Image, path: Path, colours: int = 16) -> None:
    """Saves a picture as a PNG with this many colours; with 16, a pixel takes four bits before compression."""
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.convert("RGB").quantize(colours, dither=Image.Dither.NONE).save(path, optimize=True)
