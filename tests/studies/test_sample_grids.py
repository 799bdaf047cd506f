import numpy as np
import pytest
import torch
from PIL import Image

from priorkit.errors import RunFolderError
from priorkit.studies import save_side_by_side


def test_every_grid_is_in_the_picture_under_its_caption(tmp_path):
    grids = [
        ("white", torch.full((4, 1, 16, 16), 255, dtype=torch.uint8)),
        ("a-caption-that-is-much-longer-than-its-grid " * 2, torch.zeros((4, 1, 32, 32), dtype=torch.uint8)),
        ("red", torch.tensor([255, 0, 0], dtype=torch.uint8).reshape(1, 3, 1, 1).expand(4, 3, 16, 16)),
    ]
    save_side_by_side(grids, tmp_path / "all.png", columns=2, in_a_row=2)
    with Image.open(tmp_path / "all.png") as picture:
        pixels = np.asarray(picture).astype(int)
    assert (pixels[..., 0] - pixels[..., 1] == 255).sum() == 4 * 32 * 32
    assert (pixels.sum(2) == 0).sum() >= 4 * 32 * 32
    # Nothing is written beyond the margins.
    assert (pixels[:, :16] == 255).all()
    assert (pixels[:, -16:] == 255).all()


def test_a_folder_that_is_not_there_is_told(tmp_path):
    grids = [("one", torch.zeros((1, 1, 16, 16), dtype=torch.uint8))]
    with pytest.raises(RunFolderError, match="cannot write"):
        save_side_by_side(grids, tmp_path / "nowhere" / "all.png")
