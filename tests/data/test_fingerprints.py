"""A data set is recognised whichever way it was read."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from priorkit.data import fingerprints as module
from priorkit.data.fingerprints import (
    captions_fingerprint,
    condition_fingerprint,
    data_fingerprint,
    describe_data,
    is_same_data,
)
from priorkit.interfaces import Captions, ImageData, ImageSet, StoredImages

Load = Callable[..., ImageData]


@pytest.fixture
def load(kept_images: Callable[..., StoredImages]) -> Load:
    """One data set read in some way: `memory`, by a source that cannot stream; `either` in memory; or `stored`."""

    def part(pixels: Tensor, how: str) -> ImageSet:
        stored: Any = kept_images(pixels)
        if how == "stored":
            return ImageSet(stored)
        return ImageSet(pixels, fingerprint=stored.fingerprint() if how == "either" else None)

    def load(how: str, changed: int | None = None, n: int = 30) -> ImageData:
        pixels = torch.randint(0, 256, (n, 1, 16, 16), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
        if changed is not None:
            pixels[changed, 0, 3, 3] ^= 1
        return ImageData(part(pixels[:20], how), part(pixels[20:], how))

    return load


WAYS = ("memory", "either", "stored")


@pytest.mark.parametrize("then", WAYS)
@pytest.mark.parametrize("now", WAYS)
@pytest.mark.parametrize("changed", [None, 0, 7, 25])
def test_the_same_data_is_recognised_and_another_is_not(load: Load, then: str, now: str, changed: int | None) -> None:
    assert is_same_data(load(now, changed), describe_data(load(then))) == (changed is None)
    assert not is_same_data(load(now, n=31), describe_data(load(then)))


@pytest.mark.parametrize("then", ["either", "stored"])
@pytest.mark.parametrize("now", ["either", "stored"])
def test_images_that_no_sample_sees_are_told_apart_too(
    load: Load, then: str, now: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_SAMPLE", 2)
    recorded = describe_data(load(then))
    assert is_same_data(load(now), recorded)
    assert not is_same_data(load(now, 7), recorded)


def test_streamed_data_is_compared_without_reading_all(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_SAMPLE", 3)
    data: Any = load("stored")
    assert is_same_data(data, describe_data(load("either")))
    assert describe_data(data)["fingerprint"] is None
    assert sum(data.train.images.reads) == sum(data.test.images.reads) == 6


@pytest.mark.parametrize("now", WAYS)
def test_runs_that_remember_all_pixels_only_are_compared_by_them(load: Load, now: str) -> None:
    recorded = {"fingerprint": data_fingerprint(load("memory"))}
    assert is_same_data(load(now), recorded)
    assert not is_same_data(load(now, 7), recorded)


def test_the_fingerprint_of_pixels_is_the_same_in_chunks(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_CHUNK", 7)
    data: Any = load("stored")
    assert data_fingerprint(data) == data_fingerprint(load("memory"))
    assert data.train.images.reads == [7, 7, 6]


def captioned(*of_images: tuple[str, ...]) -> ImageData:
    pixels = torch.zeros(2, 1, 16, 16, dtype=torch.uint8)
    captions = Captions(of_images) if of_images else None
    return ImageData(ImageSet(pixels, torch.arange(2), captions=captions), ImageSet(pixels))


def test_captions_are_told_apart() -> None:
    found = [
        captions_fingerprint(captioned(*of_images))
        for of_images in (
            (("a", "b"), ("c",)),
            (("a",), ("b", "c")),
            (("b", "a"), ("c",)),
            (("ab",), ("c",)),
            (("a", "b"), ("ç",)),
        )
    ]
    assert len(set(found)) == len(found)
    assert captions_fingerprint(captioned(("a", "b"), ("c",))) == found[0]
    assert captions_fingerprint(captioned()) is None


def test_what_else_is_remembered_does_not_depend_on_captions() -> None:
    # Runs that are older than captions remember these.
    without, some = captioned(), captioned(("a",), ("b",))
    assert condition_fingerprint(some) == condition_fingerprint(without) == "d40e7dc6223a046328ddcab2afb54902"
    assert describe_data(some) == describe_data(without)


def test_a_record_without_any_fingerprint_is_no_data(load: Load) -> None:
    assert not is_same_data(load("memory"), {"fingerprint": None})
