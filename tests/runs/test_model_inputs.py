"""What a trained model may be given."""

import warnings
from typing import Any

import numpy as np
import pytest
import torch

from priorkit.errors import DataWarning
from priorkit.interfaces import CodeSpace, ImageShape
from priorkit.runs.model_inputs import checked_codes, checked_images

BYTES = np.random.default_rng(0).integers(0, 256, size=(2, 16, 16, 3), dtype=np.uint8)
COLOUR, GREY = ImageShape(3, 16), ImageShape(1, 16)
EXPECTED = torch.from_numpy(BYTES).permute(0, 3, 1, 2).float() / 127.5 - 1


@pytest.mark.parametrize(
    "images",
    [
        BYTES,
        torch.from_numpy(BYTES),
        torch.from_numpy(BYTES).permute(0, 3, 1, 2),
        EXPECTED,
        EXPECTED.double(),
        EXPECTED.numpy(),
        EXPECTED.permute(0, 2, 3, 1).numpy(),
        list(BYTES),
    ],
)
def test_images_of_every_kind_are_taken(images: Any) -> None:
    found = checked_images(images, COLOUR)
    assert found.dtype == torch.float32
    assert torch.allclose(found, EXPECTED, atol=1e-6)


def test_grey_images_need_no_channel() -> None:
    for images in (BYTES[..., 0], torch.from_numpy(BYTES[..., 0]), BYTES[..., :1]):
        assert torch.allclose(checked_images(images, GREY), EXPECTED[:, :1], atol=1e-6)


@pytest.mark.parametrize(
    ("images", "told"),
    [
        (BYTES.astype(np.int32), "must be uint8, or floating-point numbers in"),
        (BYTES.astype(np.float32), "give 0 to 255 as uint8"),
        (np.full((1, 16, 16, 3), np.nan), "these are from nan to nan"),
        (BYTES[:, :8], r"that this run was trained on, not \(2, 3, 8, 16\)"),
        (BYTES[..., 0], r"not \(2, 1, 16, 16\)"),
        ("picture.png", "images must be numbers"),
    ],
)
def test_other_images_are_refused(images: Any, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        checked_images(images, COLOUR)


def test_images_that_may_mean_black_to_white_are_told() -> None:
    with pytest.warns(DataWarning, match="which means grey to white, as -1 is black; if 0 is black, give 2"):
        checked_images(BYTES / 255, COLOUR)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        checked_images(torch.zeros(1, 3, 16, 16), COLOUR)


def test_codes_may_be_arrays() -> None:
    codes = np.arange(8.0).reshape(2, 4)
    assert torch.equal(checked_codes(codes, CodeSpace((4,))), torch.from_numpy(codes).float())
    indices = np.arange(8, dtype=np.uint16).reshape(2, 2, 2)
    assert checked_codes(indices, CodeSpace((2, 2), entries=8)).tolist() == [[0, 1, 2, 3], [4, 5, 6, 7]]
    with pytest.raises(ValueError, match="codes must be numbers, not <U1"):
        checked_codes(np.array([["a"]]), CodeSpace((1,)))
