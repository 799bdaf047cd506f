"""Draws images: alone, in grids, by classes or texts, and of several runs (Fig. 8 to 12, 14 of Wang et al. 2020)."""

from collections.abc import Sequence

import torch
from PIL import Image
from torch import Tensor
from torchvision.utils import make_grid

from priorkit.data import to_uint8
from priorkit.figures.captions import caption_columns, shortened, stack
from priorkit.models import Model

__all__ = ["as_picture", "draw_class_figure", "draw_grid", "draw_sweep", "draw_texts"]

_BORDER = 2
_SEEN = 64
"""Approximate side in pixels to which smaller images are enlarged."""


def as_picture(image: Tensor) -> Image.Image:
    """Converts a uint8 image (C, H, W), C being 1 or 3, to a Pillow image."""
    array = image.permute(1, 2, 0).cpu().numpy()
    return Image.fromarray(array[:, :, 0] if array.shape[2] == 1 else array)


def draw_grid(images: Tensor, columns: int = 8) -> Image.Image:
    """Draws images row by row; small images are enlarged.

    Args:
        images: uint8 (N, C, H, W), C being 1 or 3; at least one image.
        columns: Images in a row.
    """
    grid = make_grid(images, nrow=columns, padding=_BORDER, pad_value=128).to(torch.uint8)
    picture = as_picture(grid if images.shape[1] == 3 else grid[:1])
    zoom = max(1, round(_SEEN / images.shape[-1]))
    if zoom == 1:
        return picture
    return picture.resize((picture.width * zoom, picture.height * zoom), Image.Resampling.NEAREST)


def draw_class_figure(
    model: Model, conditions: Tensor, rows: int, *, captions: Sequence[str] = (), seed: int = 0
) -> Image.Image:
    """Draws a grid whose columns share s and whose rows share the noise, as in Fig. 10 and 12.

    Args:
        model: A model with a condition.
        conditions: The columns' s, shape (columns, dim).
        rows: Number of rows.
        captions: Captions above the columns, one for each column, or none.
        seed: Seed of the noise.

    Raises:
        ConfigurationError: The model has no condition.
        ValueError: The conditions have another shape.
    """
    grid = draw_grid(to_uint8(model.sample_grid(conditions, rows, seed)), len(conditions))
    return caption_columns(grid, captions) if captions else grid


def draw_sweep(samples: Sequence[Tensor], captions: Sequence[str], columns: int = 8) -> Image.Image:
    """Draws a grid of each run's samples under its caption, as in Fig. 8 and 9.

    Args:
        samples: For each run, uint8 (N, C, H, W); runs may differ in shape.
        captions: A caption for each run.
        columns: Images in a row.
    """
    return stack([draw_grid(images, columns) for images in samples], captions)


def draw_texts(samples: Tensor, texts: Sequence[str], columns: int = 8) -> Image.Image:
    """Draws a grid of each text's samples above the text, as in Fig. 14.

    Args:
        samples: Equally many images for each text, uint8 (texts, N, C, H, W).
        texts: The texts.
        columns: Images in a row.
    """
    grids = [draw_grid(images, columns) for images in samples]
    return stack(grids, [shortened(text, grid.width) for text, grid in zip(texts, grids, strict=True)], below=True)
