"""Pictures inside HTML, for notebooks."""

import io

from torch import Tensor

from priorkit.figures.grids import draw_grid
from priorkit.pages import Html, data_url

__all__ = ["inline_grid"]


def inline_grid(images: Tensor, alternative: str, columns: int = 8) -> Html:
    """Returns an `img` element that contains a grid of images.

    Args:
        images: uint8 (N, C, H, W), C being 1 or 3; at least one image.
        alternative: The alternative text of the picture.
        columns: Images in a row.
    """
    file = io.BytesIO()
    draw_grid(images, min(columns, len(images))).save(file, format="PNG")
    return Html('<img alt="{}" style="max-width: 100%; image-rendering: pixelated" src="{}">').format(
        alternative, data_url(file.getvalue())
    )
