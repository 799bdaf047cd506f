"""Images of whichever kind, brought to bytes."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from priorkit.errors import DataError
from priorkit.given.pixels import PixelRange, as_batch, as_image

BYTES = np.random.default_rng(0).integers(0, 256, size=(5, 6, 6, 3), dtype=np.uint8)


@pytest.mark.parametrize(
    ("given_values", "pixel_range"),
    [
        (BYTES, PixelRange.BYTES),
        (torch.from_numpy(BYTES).permute(0, 3, 1, 2), PixelRange.BYTES),
        (torch.from_numpy(BYTES), PixelRange.BYTES),
        (BYTES.transpose(0, 3, 1, 2), PixelRange.BYTES),
        (BYTES.astype(np.int64), PixelRange.BYTES),
        (BYTES.astype(np.uint16), PixelRange.BYTES),
        (BYTES.astype(">f4"), PixelRange.BYTES),
        (BYTES / 255, PixelRange.UNIT),
        ((BYTES / 255).astype(np.float16), PixelRange.UNIT),
        (BYTES[::-1][::-1] / 127.5 - 1, PixelRange.SIGNED),
        (torch.from_numpy(BYTES).permute(0, 3, 1, 2) / 127.5 - 1, PixelRange.SIGNED),
    ],
)
def test_all_kinds_of_arrays_give_the_same_bytes(given_values: object, pixel_range: PixelRange) -> None:
    pixels = as_batch(given_values, "data")
    assert pixels.pixel_range() is pixel_range
    expected = torch.from_numpy(BYTES).permute(0, 3, 1, 2)
    assert torch.equal(pixels.as_bytes(pixel_range), expected)


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 2**32 - 1), pixel_range=st.sampled_from(list(PixelRange)))
def test_bytes_survive_every_range(seed: int, pixel_range: PixelRange) -> None:
    grey = np.random.default_rng(seed).integers(0, 256, size=(3, 4, 4), dtype=np.uint8)
    black, white = pixel_range.value
    values = grey / 255 * (white - black) + black
    assert np.array_equal(as_batch(values, "data").as_bytes(pixel_range)[:, 0].numpy(), grey)


def test_black_and_white_images_of_booleans() -> None:
    grey = as_batch(np.eye(4, dtype=bool)[None].repeat(2, 0), "data")
    assert grey.as_bytes(grey.pixel_range()).unique().tolist() == [0, 255]


@pytest.mark.parametrize(
    ("values", "told"),
    [
        (np.zeros((4, 5, 5, 4)), "leave out the fourth channel, alpha"),
        (np.zeros((4, 5)), r"this has the shape \(4, 5\); reshape it"),
        (np.zeros((0, 5, 5)), "reshape it"),
        (np.zeros((2, 5, 5), dtype=complex), "images must be numbers, but these are complex128"),
        (np.array([["a"]]), "images must be numbers, but these are <U1"),
        (torch.zeros(2, 4, 4, dtype=torch.complex64), "complex numbers"),
        ([np.zeros((2, 2)), np.zeros((3, 3))], "bring all images to one shape"),
    ],
)
def test_what_is_no_batch_of_images_is_refused(values: object, told: str) -> None:
    with pytest.raises(DataError, match=told) as caught:
        as_batch(values, "data")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("values", "told"),
    [
        (np.full((2, 4, 4), 300), "int64 from 300 to 300, but were expected to fill 0 to 255, 0 to 1 or -1 to 1"),
        (np.full((2, 4, 4), 16.0), "float32 from 16 to 16, but were expected to fill 0 to 255"),
        (np.eye(4, dtype=int)[None], "int64 from 0 to 1, but were expected to fill"),
        (np.full((2, 4, 4), -3.0), "scale them to one of these"),
        (np.where(np.eye(4) > 0, np.nan, 0.5)[None], r"images must be finite, but image 0 has nan"),
    ],
)
def test_values_that_mean_nothing_are_refused(values: object, told: str) -> None:
    with pytest.raises(DataError, match=told):
        as_batch(values, "data").pixel_range()


def test_images_of_another_range_than_the_others_are_refused() -> None:
    with pytest.raises(DataError, match="pixels are from 2 to 2, but the others from 0 to 1"):
        as_batch(np.full((1, 4, 4), 2.0), "data").as_bytes(PixelRange.UNIT)


@pytest.mark.parametrize(
    ("mode", "channels"), [("1", 1), ("L", 1), ("LA", 1), ("RGB", 3), ("RGBA", 3), ("P", 3), ("CMYK", 3)]
)
def test_pictures_become_grey_or_colour(mode: str, channels: int) -> None:
    assert as_image(Image.new(mode, (5, 4)), "data[0]").shape == (channels, 4, 5)


def test_pictures_of_many_shades_are_refused() -> None:
    with pytest.raises(DataError, match="more than 256 shades; convert it to 8 bits first"):
        as_image(Image.new("I;16", (4, 4)), "data[0]")


def test_an_item_that_is_no_image_is_refused() -> None:
    with pytest.raises(DataError, match="do its items begin with an image"):
        as_image(3, "data[0]")
