"""Pictures as PNG files."""

from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from priorkit.figures import draw_grid
from priorkit.whole_files import whole_file

__all__ = ["pairs", "save_grid", "write_picture"]


def pairs(originals: Tensor, reconstructions: Tensor, columns: int) -> Tensor:
    """Arranges images in rows of originals, each above the row of their reconstructions.

    Args:
        originals: (N, C, H, W).
        reconstructions: Their reconstructions, same shape.
        columns: Images in a row.

    Returns:
        (2M, C, H, W), M being N rounded up to whole rows; unused places are blank (zeros).

    Examples:
        >>> import torch
        >>> from priorkit.runs import pairs
        >>> images = torch.tensor([1, 2, 3]).view(3, 1, 1, 1)
        >>> pairs(images, -images, columns=2).view(-1, 2)
        tensor([[ 1,  2],
                [-1, -2],
                [ 3,  0],
                [-3,  0]])
    """
    blanks = originals.new_zeros(-len(originals) % columns, *originals.shape[1:])
    rows = [
        torch.cat([images, blanks.to(images)]).reshape(-1, columns, *images.shape[1:])
        for images in (originals, reconstructions)
    ]
    return torch.stack(rows, dim=1).flatten(0, 2)


def save_grid(images: Tensor, path: Path, columns: int = 8) -> None:
    """Writes uint8 images (N, C, H, W) as one PNG picture, with small images enlarged.

    The file appears complete or not at all.

    Args:
        images: At least one image.
        path: The file, which is replaced if it exists.
        columns: Number of images in a row.

    Examples:
        >>> from pathlib import Path
        >>> import torch
        >>> from PIL import Image
        >>> from priorkit.runs import save_grid
        >>> save_grid(torch.zeros(6, 1, 16, 16, dtype=torch.uint8), Path("grid.png"), columns=3)
        >>> Image.open("grid.png").size
        (224, 152)
    """
    write_picture(draw_grid(images, columns), path)


def write_picture(picture: Image.Image, path: Path) -> None:
    """Writes a picture as PNG; the file appears complete or not at all, and links are not followed."""
    with whole_file(path) as file:
        picture.save(file, format="PNG")
