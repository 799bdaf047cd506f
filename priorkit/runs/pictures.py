"""Pictures: grids of images as PNG files."""

from pathlib import Path

import torch
from PIL import Image
from torch import Tensor
from torchvision.utils import make_grid

__all__ = ["as_picture", "pairs", "save_grid"]

_BORDER = 2


def as_picture(image: Tensor) -> Image.Image:
    """One uint8 image (C, H, W), C being 1 or 3, as a Pillow image."""
    array = image.permute(1, 2, 0).cpu().numpy()
    return Image.fromarray(array[:, :, 0] if array.shape[2] == 1 else array)


def pairs(originals: Tensor, reconstructions: Tensor, columns: int) -> Tensor:
    """Rows of originals, each above the row of its reconstructions.

    Args:
        originals: (N, C, H, W).
        reconstructions: Theirs, same shape.
        columns: Images in a row.

    Returns:
        (2M, C, H, W), M being N rounded up to whole rows; the places left over are blank (zeros).
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
    grid = make_grid(images, nrow=columns, padding=_BORDER, pad_value=128).to(torch.uint8)
    picture = as_picture(grid if images.shape[1] == 3 else grid[:1])
    zoom = max(1, round(64 / images.shape[-1]))
    if zoom > 1:
        picture = picture.resize((picture.width * zoom, picture.height * zoom), Image.Resampling.NEAREST)
    draft = path.with_name(f".{path.name}.draft")
    try:
        picture.save(draft, format="PNG")
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
