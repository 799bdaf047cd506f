"""Samples of several runs below each other (Fig. 8 and 9 of Wang et al. 2020)."""

from collections.abc import Sequence

from PIL import Image
from torch import Tensor

from priorkit.figures.captions import stack
from priorkit.figures.grids import draw_grid

__all__ = ["draw_sweep"]


def draw_sweep(samples: Sequence[Tensor], captions: Sequence[str], columns: int = 8) -> Image.Image:
    """Draws a grid of each run's samples under its caption.

    Args:
        samples: For each run, uint8 (N, C, H, W); runs may differ in shape.
        captions: What each run is.
        columns: Images in a row.
    """
    return stack([draw_grid(images, columns) for images in samples], captions)
