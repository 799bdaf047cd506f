"""Random changes of training images."""

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torchvision.transforms import v2

from priorkit.data import Batches
from priorkit.data.transforms import transformed
from priorkit.errors import DataError
from priorkit.interfaces import ImageSet

IMAGES = torch.arange(12 * 16 * 16).view(12, 1, 16, 16).mul(37).to(torch.uint8)


def batches(share: slice = slice(None), transform: Any = None) -> Batches:
    device = torch.device("cpu")
    return Batches(
        ImageSet(IMAGES), 6, seed=3, device=device, channels_last=False, share=share, workers=0, transform=transform
    )


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 2**62), position=st.integers(0, 10**9), start=st.integers(0, 11))
def test_an_image_changes_as_its_place_says_and_nothing_else(seed: int, position: int, start: int) -> None:
    change = v2.RandomCrop(16, padding=4)
    before = torch.get_rng_state()
    whole = transformed(IMAGES, change, seed, position)
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(transformed(IMAGES[start:], change, seed, position + start), whole[start:])


def test_images_of_a_batch_change_differently() -> None:
    same = IMAGES[:1].expand(32, -1, -1, -1)
    changed = transformed(same, v2.RandomHorizontalFlip(), 0, 0)
    flipped = [not torch.equal(image, same[0]) for image in changed]
    assert 0 < sum(flipped) < 32
    assert all(torch.equal(image, same[0].flip(-1)) for image, done in zip(changed, flipped, strict=True) if done)


def test_batches_are_changed_alike_however_they_are_shared() -> None:
    whole = batches(transform=v2.RandomCrop(16, padding=4)).at(12)
    parts = [batches(share, v2.RandomCrop(16, padding=4)).at(12) for share in (slice(0, 2), slice(2, 6))]
    assert torch.equal(torch.cat(parts), whole)
    assert not torch.equal(whole, batches().at(12))


def fails(image: Tensor) -> Tensor:
    raise RuntimeError("no such\nfilter")


@pytest.mark.parametrize(
    ("transform", "told"),
    [
        (fails, r"fails on uint8 of shape \(1, 16, 16\): RuntimeError: no such filter"),
        (v2.ToDtype(torch.float32), r"gives torch.float32 of shape \(1, 16, 16\), but uint8"),
        (v2.Resize(8), r"gives torch.uint8 of shape \(1, 8, 8\)"),
        (lambda image: None, "gives NoneType"),
    ],
)
def test_transforms_that_do_something_else_are_refused(transform: Any, told: str) -> None:
    with pytest.raises(DataError, match=told) as caught:
        transformed(IMAGES, transform, 0, 0)
    assert "\n" not in str(caught.value)
