"""The sizes that priorkit brings images to, and the memory that they take on the way."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from priorkit.data.fitting_images import fit_images
from priorkit.interfaces import ImageData, ImageSet
from priorkit.plugins import IMAGE_SIZES, fitted_size, image_bytes


@pytest.mark.parametrize(
    ("shape", "asked", "expected"),
    [
        ((3, 64, 64), (), 3 * 64**2),
        ((3, 64, 64), (64, 3), 3 * 64**2),
        # Both are there at once.
        ((3, 65, 65), (), 3 * 65**2 + 3 * 128**2),
        ((1, 300, 200), (), 300 * 200 + 128**2),
        ((1, 32, 40), (), 32 * 40 + 32**2),
        ((3, 32, 32), (16,), 3 * 32**2 + 3 * 16**2),
        ((1, 32, 32), (None, 3), 32**2 + 3 * 32**2),
    ],
)
def test_what_images_become_counts_too(
    shape: tuple[int, int, int], asked: tuple[int | None, ...], expected: int
) -> None:
    assert image_bytes(7, shape, *asked) == 7 * expected


@given(
    side=st.integers(1, 200),
    image_size=st.sampled_from([None, *IMAGE_SIZES]),
    channels=st.sampled_from([None, 1, 3]),
)
def test_it_is_what_images_are_fitted_to(side: int, image_size: int | None, channels: int | None) -> None:
    given = ImageSet(torch.zeros(2, 3, side, side + 1, dtype=torch.uint8))
    fitted = fit_images(ImageData(given, given), image_size, channels).train
    assert fitted.shape[1] == fitted_size(side, image_size)
    assert image_bytes(2, given.shape, image_size, channels) == given.images.nbytes + fitted.images.nbytes
