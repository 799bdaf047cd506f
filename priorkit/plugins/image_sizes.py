"""The sizes that priorkit brings images to, and the memory that they take on the way."""

import math

__all__ = ["IMAGE_SIZES", "fitted_size", "image_bytes"]

IMAGE_SIZES = (16, 32, 64, 128)
"""Heights and widths in pixels that networks are made for."""


def fitted_size(side: int, image_size: int | None = None) -> int:
    """The side in pixels that images come to whose shorter side is `side`.

    It is `image_size`, if the user asked for one; else the smallest possible that is not below `side`, at most 128.
    """
    return image_size or next((size for size in IMAGE_SIZES if size >= side), IMAGE_SIZES[-1])


def image_bytes(
    count: int, shape: tuple[int, int, int], image_size: int | None = None, channels: int | None = None
) -> int:
    """The most bytes that images take in memory: themselves, and beside them what priorkit makes of them.

    Args:
        count: Number of images.
        shape: Their shape (C, H, W), as a data set gives them.
        image_size: Side in pixels that the user asked for, or None.
        channels: Channels that the user asked for, or None.
    """
    size = fitted_size(min(shape[1:]), image_size)
    fitted = (channels or shape[0], size, size)
    return count * (math.prod(shape) + (math.prod(fitted) if fitted != shape else 0))
