from collections.abc import Callable

import torch

from priorkit.config import RunConfig
from priorkit.data.typical_images import typical_images
from priorkit.interfaces import ImageSet


def numbered(n: int) -> ImageSet:
    """Images whose pixels tell their index."""
    indices = torch.arange(n)
    pixels = torch.stack([indices // 256, indices % 256, indices * 0], dim=1).to(torch.uint8)
    return ImageSet(pixels[:, :, None, None].expand(n, 3, 2, 2).contiguous(), indices)


def indices_of(images: torch.Tensor) -> torch.Tensor:
    first, second, _ = images[:, :, 0, 0].long().unbind(1)
    return 256 * first + second


def test_they_are_whole_batches_of_different_images(tiny_config: Callable[..., RunConfig]) -> None:
    for n, batch, expected in ((5000, 64, 1024), (5000, 100, 1000), (130, 64, 128), (3000, 2000, 2000)):
        chosen = indices_of(typical_images(numbered(n), tiny_config(batch_size=batch)))
        assert len(chosen) == len(set(chosen.tolist())) == expected


def test_they_are_mixed_where_the_data_is_sorted(tiny_config: Callable[..., RunConfig]) -> None:
    chosen = indices_of(typical_images(numbered(5000), tiny_config(batch_size=64)))
    for batch in chosen.split(64):
        # Uniform over 0 to 4999: the mean of 64 has a standard deviation of 180.
        assert abs(float(batch.double().mean()) - 2500) < 5 * 180


def test_the_seed_decides_them(tiny_config: Callable[..., RunConfig]) -> None:
    images = numbered(300)
    first, again, other = (typical_images(images, tiny_config(batch_size=50, seed=seed)) for seed in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_they_are_black_and_white_where_training_is(tiny_config: Callable[..., RunConfig]) -> None:
    made = typical_images(numbered(300), tiny_config(batch_size=50, binarise="stochastic"))
    assert set(made.unique().tolist()) <= {0, 255}
