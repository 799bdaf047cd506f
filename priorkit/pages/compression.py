"""Compresses pictures that are too large for a page."""

import io

from PIL import Image, features

__all__ = ["compressed"]


def compressed(content: bytes, most: int) -> bytes:
    """Returns a picture unchanged; or as WebP, if its file is too large and Pillow can write WebP.

    Args:
        content: The content of a file that Pillow can read.
        most: Size in bytes up to which the file is not changed.
    """
    if len(content) <= most or not features.check("webp"):
        return content
    file = io.BytesIO()
    with Image.open(io.BytesIO(content)) as image:
        image.convert("RGB").save(file, format="WEBP", quality=82)
    return file.getvalue()
