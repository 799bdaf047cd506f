"""Captions of pictures."""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

__all__ = ["caption_columns", "caption_font", "shortened", "stack"]

_FONT_SIZE = 14
_MARGIN = 6
_LONGEST = 480
"""Maximal length in pixels of the caption above a column."""


def caption_font(words: str, size: int = _FONT_SIZE) -> ImageFont.ImageFont | ImageFont.FreeTypeFont:
    """Returns Pillow's own font, or matplotlib's (if installed) for words with letters that Pillow's font lacks."""
    if not words.isascii():
        with suppress(ImportError, OSError):
            import matplotlib as mpl

            return ImageFont.truetype(Path(mpl.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf", size)
    return ImageFont.load_default(size)


def _text(words: str) -> Image.Image:
    """Draws words in black on white, in a picture of their size."""
    font = caption_font(words)
    left, _, right, _ = font.getbbox(words)
    # The height is that of letters with ascenders and descenders, so that all captions share a base line.
    _, top, _, bottom = font.getbbox("Ág")
    picture = Image.new("L", (max(1, round(right - left)), round(bottom - top)), 255)
    ImageDraw.Draw(picture).text((-left, -top), words, fill=0, font=font)
    return picture


def caption_columns(grid: Image.Image, captions: Sequence[str]) -> Image.Image:
    """Writes a caption above each column of a grid; turns all captions upright if one is wider than its column.

    Args:
        grid: A picture of columns of equal width.
        captions: One caption for each column.
    """
    width = grid.width / len(captions)
    texts = [_text(shortened(caption, _LONGEST)) for caption in captions]
    if max(text.width for text in texts) > width - _MARGIN:
        texts = [text.rotate(90, expand=True) for text in texts]
    head = max(text.height for text in texts) + 2 * _MARGIN
    picture = Image.new(grid.mode, (grid.width, head + grid.height), "white")
    for column, text in enumerate(texts):
        picture.paste(text, (round((column + 0.5) * width - text.width / 2), head - _MARGIN - text.height))
    picture.paste(grid, (0, head))
    return picture


def shortened(words: str, width: int) -> str:
    """Shortens words to at most `width` pixels, with an ellipsis in place of the end."""
    words = " ".join(words.split())
    if len(words) > width:
        # A letter is at least a pixel wide, so the rest of a long text need not be measured.
        words = words[:width]
    if _text(words).width + 2 * _MARGIN <= width:
        return words
    kept = words
    while len(kept) > 1 and _text(kept + "...").width + 2 * _MARGIN > width:
        kept = kept[:-1].rstrip()
    return kept + "..."


def stack(pictures: Sequence[Image.Image], captions: Sequence[str], *, below: bool = False) -> Image.Image:
    """Draws pictures one below the other, each with its caption above it.

    Args:
        pictures: At least one picture; if one is in colour, all are converted to colour.
        captions: One caption for each picture.
        below: Whether captions stand below their pictures instead.
    """
    texts = [_text(caption) for caption in captions]
    width = max(*(picture.width for picture in pictures), *(2 * _MARGIN + text.width for text in texts))
    height = sum(item.height + 2 * _MARGIN for item in texts) + sum(item.height for item in pictures)
    mode = "RGB" if any(picture.mode == "RGB" for picture in pictures) else "L"
    whole = Image.new(mode, (width, height), "white")
    top = 0
    for text, picture in zip(texts, pictures, strict=True):
        over = 0 if below else text.height + 2 * _MARGIN
        whole.paste(text, (_MARGIN, top + _MARGIN + (picture.height if below else 0)))
        whole.paste(picture, (0, top + over))
        top += picture.height + text.height + 2 * _MARGIN
    return whole
