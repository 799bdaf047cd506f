"""Images as pictures, alone and in grids."""

import torch
from PIL import Image
from torch import Tensor
from torchvision.utils import make_grid

__all__ = ["as_picture", "draw_grid"]

_BORDER = 2
_SEEN = 64
"""Smaller images are enlarged to about so many pixels."""


def as_picture(image: Tensor) -> Image.Image:
    """One uint8 image (C, H, W), C being 1 or 3, as a Pillow image."""
    array = image.permute(1, 2, 0).cpu().numpy()
    return Image.fromarray(array[:, :, 0] if array.shape[2] == 1 else array)


def draw_grid(images: Tensor, columns: int = 8) -> Image.Image:
    """Draws images row after row, small ones enlarged so that they can be seen.

    Args:
        images: uint8 (N, C, H, W), C being 1 or 3; at least one.
        columns: Images in a row.
    """
    grid = make_grid(images, nrow=columns, padding=_BORDER, pad_value=128).to(torch.uint8)
    picture = as_picture(grid if images.shape[1] == 3 else grid[:1])
    zoom = max(1, round(_SEEN / images.shape[-1]))
    if zoom == 1:
        return picture
    return picture.resize((picture.width * zoom, picture.height * zoom), Image.Resampling.NEAREST)
