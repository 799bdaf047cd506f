"""Pictures as PNG files."""

from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from priorkit.figures import draw_grid
from priorkit.whole_files import whole_file

__all__ = ["pairs", "save_grid", "write_picture"]


def pairs(originals: Tensor, reconstructions: Tensor, columns: int) -> Tensor:
    """Rows of originals, each above the row of its reconstructions.

    Args:
        originals: (N, C, H, W).
        reconstructions: Their reconstructions, same shape.
        columns: Images in a row.

    Returns:
        (2M, C, H, W), M being N rounded up to whole rows; unused places are blank (zeros).
    """
    blanks = originals.new_zeros(-len(originals) % columns, *originals.shape[1:])
    rows = [
        torch.cat([images, blanks.to(images)]).reshape(-1, columns, *images.shape[1:])
        for images in (originals, reconstructions)
    ]
    return torch.stack(rows, dim=1).flatten(0, 2)


def save_grid(images: Tensor, path: Path, columns: int = 8) -> None:
    """Writes uint8 images (N, C, H, W) as one PNG, small ones enlarged so that they can be seen.

    The file appears whole or not at all.

    Args:
        images: At least one.
        path: The file.
        columns: Images in a row.
    """
    write_picture(draw_grid(images, columns), path)


def write_picture(picture: Image.Image, path: Path) -> None:
    """Writes a picture as PNG; the file appears whole or not at all, and no link is followed."""
    with whole_file(path) as file:
        picture.save(file, format="PNG")
