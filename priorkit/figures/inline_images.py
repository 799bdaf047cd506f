"""Pictures inside HTML, for notebooks."""

import base64
import html
import io

from torch import Tensor

from priorkit.figures.grids import draw_grid

__all__ = ["inline_grid"]


def inline_grid(images: Tensor, alternative: str, columns: int = 8) -> str:
    """Returns an `img` element that contains a grid of images.

    Args:
        images: uint8 (N, C, H, W), C being 1 or 3; at least one image.
        alternative: The alternative text of the picture.
        columns: Images in a row.
    """
    file = io.BytesIO()
    draw_grid(images, min(columns, len(images))).save(file, format="PNG")
    data = base64.b64encode(file.getvalue()).decode("ascii")
    style = "max-width: 100%; image-rendering: pixelated"
    return f'<img alt="{html.escape(alternative)}" style="{style}" src="data:image/png;base64,{data}">'
