import numpy as np
import torch

from priorkit.figures import draw_grid, draw_sweep


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
