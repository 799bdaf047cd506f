from collections.abc import Callable
from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from priorkit.data import to_float, to_uint8
from priorkit.data.batches import Batches
from priorkit.engine import DataOrder
from priorkit.interfaces import ImageSet, StoredImages

CPU = torch.device("cpu")


def numbered(n: int) -> ImageSet:
    """Images whose pixels say which one they are."""
    return ImageSet(torch.arange(n, dtype=torch.uint8).view(n, 1, 1, 1).expand(n, 3, 4, 4).contiguous())


def make(n: int, batch_size: int, *, seed: int = 0, channels_last: bool = False) -> Batches:
    return Batches(numbered(n), batch_size, seed=seed, device=CPU, channels_last=channels_last)


def numbers(batch: torch.Tensor) -> list[int]:
    return [int(value) for value in to_uint8(batch)[:, 0, 0, 0]]


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 2**32), n=st.integers(2, 30), data=st.data())
def test_batches_are_a_function_of_images_seen(seed: int, n: int, data: st.DataObject) -> None:
    size = data.draw(st.integers(1, n))
    batches, order = make(n, size, seed=seed), DataOrder(n, seed)
    for position in data.draw(st.lists(st.integers(0, 100), max_size=5)):
        assert numbers(batches.at(position)) == order.batch(position, size).tolist()


def test_every_image_is_seen_once_in_each_pass() -> None:
    batches = make(30, 6)
    for epoch in range(2):
        seen = [number for start in range(0, 30, 6) for number in numbers(batches.at(30 * epoch + start))]
        assert sorted(seen) == list(range(30))


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 2**32), n=st.integers(2, 30), shares=st.integers(1, 4), data=st.data())
def test_stored_images_come_in_the_same_batches_and_shares_make_up_the_whole(
    seed: int, n: int, shares: int, data: st.DataObject, kept_images: Callable[..., StoredImages]
) -> None:
    size, images = data.draw(st.integers(1, n)), numbered(n)
    stored = ImageSet(kept_images(images.images))

    def batches(images: ImageSet, share: slice) -> Batches:
        return Batches(images, size, seed=seed, device=CPU, channels_last=True, share=share, workers=0)

    whole = batches(images, slice(None))
    for position in data.draw(st.lists(st.integers(0, 100), max_size=5)):
        expected = whole.at(position)
        for source in (images, stored):
            parts = [batches(source, slice(part, None, shares)) for part in range(shares)]
            for part, share in enumerate(parts):
                assert torch.equal(share.at(position), expected[part::shares])
    assert (whole.workers, batches(stored, slice(None)).workers) == (None, 0)


@pytest.mark.parametrize("channels_last", [True, False])
def test_batches_have_the_layout_asked_for(channels_last: bool) -> None:
    batch = make(10, 5, channels_last=channels_last).at(3)
    assert batch.shape == (5, 3, 4, 4)
    assert batch.dtype == torch.float32
    layout = torch.channels_last if channels_last else torch.contiguous_format
    assert batch.is_contiguous(memory_format=layout)


def test_the_images_themselves_are_left_alone() -> None:
    images = numbered(10)
    batches = Batches(images, 10, seed=0, device=CPU, channels_last=False)
    batches.at(0).fill_(0.0)
    assert torch.equal(images.images, numbered(10).images)
    assert sorted(numbers(batches.at(0))) == list(range(10))


VALUES = torch.arange(256, dtype=torch.uint8).view(4, 1, 8, 8)


def test_pixels_span_minus_one_to_one_evenly() -> None:
    floats = to_float(VALUES).flatten()
    assert (floats[0], floats[-1]) == (-1.0, 1.0)
    torch.testing.assert_close(floats, torch.linspace(-1, 1, 256), rtol=0, atol=1e-6)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_pixels_survive_the_way_there_and_back(dtype: torch.dtype) -> None:
    assert torch.equal(to_uint8(to_float(VALUES, channels_last=True).to(dtype)), VALUES)


@pytest.mark.parametrize(
    ("value", "expected"), [(-1.0, 0), (1.0, 255), (-7.0, 0), (7.0, 255), (0.4 / 127.5 - 1, 0), (0.6 / 127.5 - 1, 1)]
)
def test_pixels_are_rounded_and_clipped(value: float, expected: int) -> None:
    assert to_uint8(torch.full((1, 1, 1, 1), value)).item() == expected


def test_bfloat16_images_are_brought_back_in_float32() -> None:
    values = to_float(VALUES).bfloat16()
    assert torch.equal(to_uint8(values), to_uint8(values.float()))


GREY = ImageSet(torch.arange(0, 240, 4, dtype=torch.uint8).view(20, 3, 1, 1).expand(20, 3, 4, 4).contiguous())


def test_black_and_white_by_a_threshold() -> None:
    grey, white = (
        Batches(GREY, 6, seed=3, device=CPU, channels_last=False, binarise=how) for how in ("none", "threshold")
    )
    expected = torch.where(to_uint8(grey.at(12)) >= 128, 1.0, -1.0)
    assert torch.equal(white.at(12), expected)


def test_black_and_white_is_drawn_anew_and_repeats_itself() -> None:
    batches, again, other = (
        Batches(GREY, 20, seed=seed, device=CPU, channels_last=False, binarise="stochastic") for seed in (3, 3, 4)
    )
    first = batches.at(0)
    assert set(first.unique().tolist()) == {-1.0, 1.0}
    assert torch.equal(again.at(0), first)
    # In the next pass the images come in another order: compare by how many pixels are white.
    totals = [float(batches.at(20 * number).sum()) for number in range(3)]
    assert len(set(totals)) == 3
    assert float(other.at(0).sum()) != totals[0]


@pytest.mark.parametrize("count", [2, 3])
def test_processes_draw_what_one_would(count: int) -> None:
    whole = Batches(GREY, 7, seed=3, device=CPU, channels_last=False, binarise="stochastic").at(7)
    bounds = [7 * rank // count for rank in range(count + 1)]
    parts = [
        Batches(GREY, 7, seed=3, device=CPU, channels_last=False, binarise="stochastic", share=slice(*ends)).at(7)
        for ends in pairwise(bounds)
    ]
    assert torch.equal(torch.cat(parts), whole)
