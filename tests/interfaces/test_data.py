"""Images in memory and on disk."""

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from priorkit.interfaces import Captions, ImageData, ImageSet, StoredImages


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


@pytest.mark.parametrize(
    ("captions", "words"),
    [
        (Captions([["a"]]), "there are captions for 1 images, but 2 images"),
        ([("a",), ("b",)], "captions must be priorkit.interfaces.Captions, not list"),
    ],
)
def test_captions_that_do_not_go_with_the_images_are_refused(captions: Any, words: str) -> None:
    assert ImageSet(images(), captions=Captions([["a"], ["b"]])).captions == Captions([["a"], ["b"]])
    with pytest.raises(ValueError, match=words):
        ImageSet(images(), captions=captions)


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


@given(n=st.integers(1, 40), number=st.integers(1, 50), data=st.data())
def test_stored_images_are_taken_as_those_in_memory(
    n: int, number: int, data: st.DataObject, kept_images: Callable[..., StoredImages]
) -> None:
    pixels = torch.randint(0, 256, (n, 3, 4, 5), dtype=torch.uint8, generator=torch.Generator().manual_seed(n))
    memory, stored = ImageSet(pixels, fingerprint="kept"), ImageSet(kept_images(pixels), torch.arange(n))
    assert (len(stored), stored.shape) == (len(memory), memory.shape) == (n, (3, 4, 5))
    chosen = torch.tensor(data.draw(st.lists(st.integers(0, n - 1), max_size=9)), dtype=torch.int64)
    assert torch.equal(stored.take(chosen), pixels[chosen])
    assert torch.equal(memory.take(chosen), pixels[chosen])
    for part in (memory, stored):
        assert torch.equal(part.first(number), pixels[:number])
        spread = part.spread(number)
        assert len(spread) == min(n, number)
        assert torch.equal(spread[0], pixels[0])
        assert number < n or torch.equal(spread, pixels)


def test_images_are_spread_evenly() -> None:
    numbered = ImageSet(torch.arange(100, dtype=torch.uint8).view(100, 1, 1, 1))
    assert numbered.spread(4).flatten().tolist() == [0, 25, 50, 75]


def test_stored_images_of_wrong_shapes_are_refused(kept_images: Callable[..., StoredImages]) -> None:
    with pytest.raises(ValueError, match=r"\(N, 1 or 3, H, W\), not torch.uint8 of shape \(4, 2, 8, 8\)"):
        ImageSet(kept_images(torch.zeros(4, 2, 8, 8, dtype=torch.uint8)))
    with pytest.raises(ValueError, match=r"labels must be int64 of shape \(4,\)"):
        ImageSet(kept_images(torch.zeros(4, 1, 8, 8, dtype=torch.uint8)), torch.arange(3))


@pytest.mark.parametrize("wrong", ["dtype", "number"])
def test_what_stored_images_give_is_checked(wrong: str, kept_images: Callable[..., StoredImages]) -> None:
    stored = kept_images(torch.zeros(4, 1, 8, 8, dtype=torch.uint8))
    pixels = torch.zeros(2, 1, 8, 8, dtype=torch.float32) if wrong == "dtype" else torch.zeros(3, 1, 8, 8).byte()
    stored.read = lambda indices: pixels  # type: ignore[method-assign]
    with pytest.raises(ValueError, match=r"must be uint8 of shape \(2, 1, 8, 8\), not"):
        ImageSet(stored).take(torch.arange(2))
