"""Images in memory."""

import dataclasses

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from priorkit.interfaces import ImageData, ImageSet


def images(n: int = 2, channels: int = 1, height: int = 4, width: int = 4) -> Tensor:
    return torch.zeros(n, channels, height, width, dtype=torch.uint8)


@settings(deadline=None, max_examples=20)
@given(
    n=st.integers(0, 5),
    channels=st.sampled_from([1, 3]),
    height=st.integers(1, 9),
    width=st.integers(1, 9),
    labelled=st.booleans(),
)
def test_every_size_is_accepted(n: int, channels: int, height: int, width: int, labelled: bool) -> None:
    pixels = images(n, channels, height, width)
    labels = torch.zeros(n, dtype=torch.int64) if labelled else None
    held = ImageSet(pixels, labels)
    assert len(held) == n
    assert held.images is pixels
    assert held.labels is labels


@pytest.mark.parametrize(
    ("pixels", "given_text"),
    [
        (images().float(), "torch.float32 of shape (2, 1, 4, 4)"),
        (images().to(torch.int8), "torch.int8 of shape (2, 1, 4, 4)"),
        (images()[0], "torch.uint8 of shape (1, 4, 4)"),
        (images()[:, :, 0], "torch.uint8 of shape (2, 1, 4)"),
        (images()[..., None], "torch.uint8 of shape (2, 1, 4, 4, 1)"),
        (images(channels=2), "torch.uint8 of shape (2, 2, 4, 4)"),
        (images(channels=3).permute(0, 2, 3, 1), "torch.uint8 of shape (2, 4, 4, 3)"),
    ],
)
def test_other_images_are_refused(pixels: Tensor, given_text: str) -> None:
    with pytest.raises(ValueError, match="images must be uint8 of shape") as error:
        ImageSet(pixels)
    assert str(error.value).endswith(f"not {given_text}")


@pytest.mark.parametrize(
    ("labels", "given_text"),
    [
        (torch.zeros(2), "torch.float32 of shape (2,)"),
        (torch.zeros(2, dtype=torch.int32), "torch.int32 of shape (2,)"),
        (torch.zeros(3, dtype=torch.int64), "torch.int64 of shape (3,)"),
        (torch.zeros(2, 1, dtype=torch.int64), "torch.int64 of shape (2, 1)"),
    ],
)
def test_other_labels_are_refused(labels: Tensor, given_text: str) -> None:
    with pytest.raises(ValueError, match=r"labels must be int64 of shape \(2,\)") as error:
        ImageSet(images(), labels)
    assert str(error.value).endswith(f"not {given_text}")


def test_an_image_set_does_not_change() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        ImageSet(images()).images = images(3)  # type: ignore[misc]


@pytest.mark.parametrize(("channels", "size"), [(1, 32), (3, 5)])
def test_the_shape_of_the_data(channels: int, size: int) -> None:
    data = ImageData(ImageSet(images(7, channels, size, size)), ImageSet(images(1, channels, size, size)))
    assert data.shape == (channels, size)
    assert data.shape.channels == channels
    assert data.shape.size == size
    assert data.class_names == ()
    assert data.notes == ()


@pytest.mark.parametrize(
    ("train", "test"),
    [
        (images(height=4, width=5), images(height=4, width=5)),
        (images(), images(height=8, width=8)),
        (images(), images(channels=3)),
    ],
)
def test_images_of_several_shapes_have_none(train: Tensor, test: Tensor) -> None:
    data = ImageData(ImageSet(train), ImageSet(test))
    with pytest.raises(ValueError, match="must be square and of one shape") as error:
        _ = data.shape
    assert str(tuple(train.shape[1:])) in str(error.value)
    assert str(tuple(test.shape[1:])) in str(error.value)
