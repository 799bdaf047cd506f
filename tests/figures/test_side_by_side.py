import numpy as np
import torch

from priorkit.figures import draw_side_by_side


def test_every_grid_is_in_the_picture_under_its_caption() -> None:
    grids = [
        ("white", torch.full((4, 1, 16, 16), 255, dtype=torch.uint8)),
        ("a-caption-that-is-much-longer-than-its-grid " * 2, torch.zeros((4, 1, 32, 32), dtype=torch.uint8)),
        ("red", torch.tensor([255, 0, 0], dtype=torch.uint8).reshape(1, 3, 1, 1).expand(4, 3, 16, 16)),
    ]
    pixels = np.asarray(draw_side_by_side(grids, columns=2, in_a_row=2)).astype(int)
    # Images are enlarged to 64 pixels.
    assert (pixels[..., 0] - pixels[..., 1] == 255).sum() == 4 * 64 * 64
    assert (pixels.sum(2) == 0).sum() >= 4 * 64 * 64
    # Nothing is drawn beyond the margins.
    assert (pixels[:, :16] == 255).all()
    assert (pixels[:, -16:] == 255).all()
