from typing import Any

import torch

from priorkit.evaluation.images import chunk_size, chunks, spaced
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
