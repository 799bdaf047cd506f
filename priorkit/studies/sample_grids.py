"""Samples of several runs in one picture: a captioned grid for each."""

from collections.abc import Sequence
from pathlib import Path

import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor
from torchvision.utils import make_grid

from priorkit.figures import as_picture
from priorkit.runs import explained_os_errors

__all__ = ["save_side_by_side"]

_SHOWN = 64
"""Height and width of an image in the picture, in pixels, at least."""
_SPACE = 16
_FONT_SIZE = 16
_LINE = 22


def _grid(images: Tensor, columns: int) -> Image.Image:
    """uint8 images (N, C, H, W) as one picture, small ones enlarged by a whole factor."""
    grid = make_grid(images, nrow=columns, padding=1, pad_value=128).to(torch.uint8)
    picture = as_picture(grid)
    zoom = max(1, round(_SHOWN / 2 / images.shape[-1]))
    return picture.resize((picture.width * zoom, picture.height * zoom), Image.Resampling.NEAREST)


def _wrapped(text: str, width: int, font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> list[str]:
    """A caption in lines that are at most `width` pixels wide; broken within a word where that is wider."""
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


def save_side_by_side(grids: Sequence[tuple[str, Tensor]], path: Path, *, columns: int = 8, in_a_row: int = 4) -> None:
    """Writes captioned grids of images as one PNG, which appears whole or not at all.

    Args:
        grids: At least one caption (its lines may be wrapped) with its uint8 images (N, C, H, W).
        path: The file.
        columns: Images in a row of a grid.
        in_a_row: Grids in a row of the picture.

    Raises:
        RunFolderError: The file cannot be written.
    """
    font = ImageFont.load_default(_FONT_SIZE)
    pictures = [_grid(images, columns) for _, images in grids]
    width = max(picture.width for picture in pictures)
    captions = [_wrapped(caption, width, font) for caption, _ in grids]
    cells = list(zip(captions, pictures, strict=True))
    rows = [cells[start : start + in_a_row] for start in range(0, len(cells), in_a_row)]
    heights = [max(len(lines) for lines, _ in row) * _LINE + max(picture.height for _, picture in row) for row in rows]
    across = min(in_a_row, len(cells))
    sheet = Image.new(
        "RGB", (across * (width + _SPACE) + _SPACE, sum(heights) + (len(rows) + 1) * _SPACE), color="white"
    )
    draw, top = ImageDraw.Draw(sheet), _SPACE
    for row, height in zip(rows, heights, strict=True):
        below = top + max(len(lines) for lines, _ in row) * _LINE
        for place, (lines, picture) in enumerate(row):
            left = _SPACE + place * (width + _SPACE)
            for number, line in enumerate(lines):
                draw.text((left, top + number * _LINE), line, fill="black", font=font)
            sheet.paste(picture, (left, below))
        top += height + _SPACE
    draft = path.with_name(f".{path.name}.draft")
    with explained_os_errors("write"):
        try:
            sheet.save(draft, format="PNG")
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)
