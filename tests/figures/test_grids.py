from collections.abc import Callable

import numpy as np
import pytest
import torch

from priorkit.data import to_uint8
from priorkit.figures import as_picture, draw_class_figure, draw_grid, draw_sweep
from priorkit.training import Session


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


def test_columns_are_classes_under_their_names(tiny_session: Callable[..., Session]) -> None:
    model = tiny_session("learned", condition="labels").model
    classes = model.class_conditions(torch.tensor([1, 0, 1]))
    figure = draw_class_figure(model, classes, 4, captions=["even", "odd", "even"], seed=3)
    plain = draw_class_figure(model, classes, 4, seed=3)
    assert plain == draw_grid(to_uint8(model.sample_grid(classes, 4, 3)), 3)
    assert np.array_equal(np.asarray(figure)[figure.height - plain.height :], np.asarray(plain))
    assert figure.height > plain.height
    assert draw_class_figure(model, classes, 4, seed=4) != plain


def test_runs_may_differ_in_the_shape_of_their_images() -> None:
    samples = [
        torch.randint(256, (6, channels, size, size), dtype=torch.uint8) for channels, size in ((1, 16), (3, 128))
    ]
    figure = draw_sweep(samples, ["code 8", "code 100"], columns=3)
    pixels = np.asarray(figure)
    lower = np.asarray(draw_grid(samples[1], 3))
    upper = np.asarray(draw_grid(samples[0], 3).convert("RGB"))
    assert np.array_equal(pixels[-lower.shape[0] :, : lower.shape[1]], lower)
    head = (pixels.shape[0] - lower.shape[0] - upper.shape[0]) // 2
    assert np.array_equal(pixels[head:, : upper.shape[1]][: upper.shape[0]], upper)
