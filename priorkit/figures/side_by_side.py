"""Samples of several runs in one picture: a captioned grid for each."""

from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from priorkit.figures.captions import caption_font
from priorkit.figures.grids import draw_grid

__all__ = ["draw_side_by_side"]

_SPACE = 16
_FONT_SIZE = 24
_LINE = 32


def _wrapped(text: str, width: int, font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> list[str]:
    """Folds a caption into lines of at most `width` pixels; only a word that is wider than a line is broken."""
    lines: list[str] = []
    for part in text.split("\n"):
        line = ""
        for word in part.split():
            if line and font.getlength(f"{line} {word}") > width:
                lines.append(line)
                line = ""
            line = f"{line} {word}".strip()
            while len(line) > 1 and font.getlength(line) > width:
                fits = max(1, sum(font.getlength(line[:end]) <= width for end in range(1, len(line) + 1)))
                lines.append(line[:fits])
                line = line[fits:]
        lines.append(line)
    return lines


def draw_side_by_side(grids: Sequence[tuple[str, Tensor]], *, columns: int = 8, in_a_row: int = 4) -> Image.Image:
    """Draws captioned grids of images side by side, in rows.

    Args:
        grids: Pairs of a caption, whose lines may be folded, and uint8 images (N, C, H, W); at least one pair.
        columns: Number of images in a row of a grid.
        in_a_row: Number of grids in a row of the picture.
    """
    font = caption_font("".join(caption for caption, _ in grids), _FONT_SIZE)
    pictures = [draw_grid(images, columns) for _, images in grids]
    width = max(picture.width for picture in pictures)
    captions = [_wrapped(caption, width, font) for caption, _ in grids]
    cells = list(zip(captions, pictures, strict=True))
    rows = [cells[start : start + in_a_row] for start in range(0, len(cells), in_a_row)]
    heights = [max(len(lines) for lines, _ in row) * _LINE + max(picture.height for _, picture in row) for row in rows]
    across = min(in_a_row, len(cells))
    size = (across * (width + _SPACE) + _SPACE, sum(heights) + (len(rows) + 1) * _SPACE)
    sheet = Image.new("RGB", size, color="white")
    draw, top = ImageDraw.Draw(sheet), _SPACE
    for row, height in zip(rows, heights, strict=True):
        below = top + max(len(lines) for lines, _ in row) * _LINE
        for place, (lines, picture) in enumerate(row):
            left = _SPACE + place * (width + _SPACE)
            for number, line in enumerate(lines):
                draw.text((left, top + number * _LINE), line, fill="black", font=font)
            sheet.paste(picture, (left, below))
        top += height + _SPACE
    return sheet
