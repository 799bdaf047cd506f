"""Makes photographs square."""

from PIL import Image

__all__ = ["central_square"]


def central_square(image: Image.Image, size: int | None = None) -> Image.Image:
    """Crops an image to its central square, and resizes that (bicubic, antialiased) to `size` pixels, if given."""
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    square = image.crop((left, top, left + side, top + side))
    return square if size in (None, side) else square.resize((size, size), Image.Resampling.BICUBIC)
