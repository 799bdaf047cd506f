from typing import Any

import pytest
import torch

from priorkit.evaluation.images import binarised, chunk_size, chunks, spaced
from priorkit.interfaces import ImageSet


def test_less_memory_than_a_gigabyte_at_a_time() -> None:
    assert chunk_size(16) == chunk_size(32) == 500
    assert chunk_size(128) == 31
    for size in (16, 32, 64, 128):
        # Full-width networks have about 64 channels of float32 at the images' size, several times over.
        assert 6 * chunk_size(size) * 64 * 4 * size**2 < 2**30


def test_images_are_evenly_spaced() -> None:
    images = ImageSet(torch.zeros(10, 1, 2, 2, dtype=torch.uint8))
    assert spaced(images, 5).tolist() == [0, 2, 4, 6, 8]
    assert spaced(images, 3).tolist() == [0, 3, 6]
    assert spaced(images, 99).tolist() == list(range(10))


def test_chunks_are_all_of_them_in_order(kept_images: Any) -> None:
    pixels = torch.randint(0, 256, (70, 1, 128, 128), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    indices = torch.arange(69, -1, -1)
    for images in (ImageSet(pixels), ImageSet(kept_images(pixels))):
        parts = list(chunks(images, indices))
        assert [len(part) for part in parts] == [31, 31, 8]
        assert torch.equal(torch.cat(parts), pixels.flip(0))


def test_black_and_white() -> None:
    grey = torch.tensor([0, 1, 127, 128, 255], dtype=torch.uint8).repeat(2000, 1).reshape(2000, 1, 1, 5)
    assert binarised(grey, "none", 0, 0) is grey
    assert binarised(grey, "threshold", 0, 0)[0].flatten().tolist() == [0, 0, 0, 255, 255]
    drawn = binarised(grey, "stochastic", 0, 0)
    assert set(drawn.unique().tolist()) == {0, 255}
    shares = (drawn > 0).double().mean(0).flatten()
    assert shares[0] == 0
    assert shares[-1] == 1
    assert shares.tolist() == pytest.approx([0, 1 / 255, 127 / 255, 128 / 255, 1], abs=0.04)
    assert torch.equal(drawn, binarised(grey, "stochastic", 0, 0))
    assert not torch.equal(drawn, binarised(grey, "stochastic", 1, 0))
    assert not torch.equal(drawn, binarised(grey, "stochastic", 0, 2000))
    assert torch.equal(binarised(drawn, "stochastic", 3, 0), drawn), "black and white stay"
