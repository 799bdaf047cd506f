"""The sizes to which priorkit resizes images, and the memory that this takes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL import Image

__all__ = ["IMAGE_SIZES", "central_square", "fitted_size", "image_bytes"]

IMAGE_SIZES = (16, 32, 64, 128)
"""Heights and widths in pixels that networks support."""


def fitted_size(side: int, image_size: int | None = None) -> int:
    """Returns the size in pixels to which images with a shorter side of `side` pixels are resized.

    This is `image_size`, if given; otherwise the smallest supported size that is at least `side`, or else 128.

    Examples:
        >>> from priorkit.plugins import fitted_size
        >>> fitted_size(28), fitted_size(600), fitted_size(28, image_size=64)
        (32, 128, 64)
    """
    return image_size or next((size for size in IMAGE_SIZES if size >= side), IMAGE_SIZES[-1])


def image_bytes(
    count: int, shape: tuple[int, int, int], image_size: int | None = None, channels: int | None = None
) -> int:
    """Returns the peak memory in bytes of loading images: the images and the copies that priorkit makes of them.

    Args:
        count: Number of images.
        shape: Their shape (C, H, W) in the data set.
        image_size: The requested side in pixels, or None.
        channels: The requested number of channels, or None.

    Examples:
        >>> from priorkit.plugins import image_bytes
        >>> image_bytes(1000, (1, 16, 16)), image_bytes(1000, (1, 28, 28))
        (256000, 1808000)
    """
    size = fitted_size(min(shape[1:]), image_size)
    fitted = (channels or shape[0], size, size)
    return count * (math.prod(shape) + (math.prod(fitted) if fitted != shape else 0))


def central_square(image: Image.Image, size: int | None = None) -> Image.Image:
    """Crops an image to its central square, and resizes that (bicubic, antialiased) to `size` pixels, if given.

    `priorkit reconstruct` crops the user's files with this function: use it in a data set of photographs to treat both
    alike.

    Examples:
        >>> from PIL import Image
        >>> from priorkit.plugins import central_square
        >>> photo = Image.new("RGB", (640, 480))
        >>> central_square(photo).size, central_square(photo, 64).size
        ((480, 480), (64, 64))
    """
    from PIL import Image

    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    square = image.crop((left, top, left + side, top + side))
    return square if size in (None, side) else square.resize((size, size), Image.Resampling.BICUBIC)
