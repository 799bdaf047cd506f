"""Pictures that are too large for a page, made smaller."""

import io

from PIL import Image, features

__all__ = ["compressed"]


def compressed(content: bytes, most: int) -> bytes:
    """A picture as it is, or as WebP if its file is larger than it may be and Pillow can write WebP.

    Args:
        content: A file that Pillow reads.
        most: Bytes that it may have.
    """
    if len(content) <= most or not features.check("webp"):
        return content
    file = io.BytesIO()
    with Image.open(io.BytesIO(content)) as image:
        image.convert("RGB").save(file, format="WEBP", quality=82)
    return file.getvalue()
