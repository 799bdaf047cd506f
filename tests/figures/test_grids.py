import numpy as np
import pytest
import torch

from priorkit.figures import as_picture, draw_grid


@pytest.mark.parametrize("channels", [1, 3])
def test_a_picture_has_the_images_pixels(channels: int) -> None:
    image = torch.randint(256, (channels, 16, 16), dtype=torch.uint8)
    picture = as_picture(image)
    assert picture.mode == ("L" if channels == 1 else "RGB")
    expected = image[0].numpy() if channels == 1 else image.permute(1, 2, 0).numpy()
    assert np.array_equal(np.asarray(picture), expected)


@pytest.mark.parametrize("channels", [1, 3])
def test_a_grid_has_its_images_row_after_row(channels: int) -> None:
    images = torch.randint(256, (5, channels, 64, 64), dtype=torch.uint8)
    grid = np.asarray(draw_grid(images, 3))
    assert grid.shape == ((2 * 66 + 2, 3 * 66 + 2) if channels == 1 else (2 * 66 + 2, 3 * 66 + 2, 3))
    for index, image in enumerate(images):
        row, column = divmod(index, 3)
        place = grid[2 + 66 * row :, 2 + 66 * column :][:64, :64]
        assert np.array_equal(place, np.asarray(as_picture(image)))


def test_small_images_are_enlarged_and_large_ones_are_not() -> None:
    widths = [draw_grid(torch.zeros(1, 1, size, size, dtype=torch.uint8)).width for size in (16, 32, 64, 128)]
    assert widths == [64, 64, 64, 128]
