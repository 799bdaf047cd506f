"""What images that differ are brought to where nobody has said it."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from priorkit.interfaces import ImageData
from priorkit.plugins import DataContext
from priorkit_plugins.folder import FolderOptions, priorkit_datasets
from priorkit_plugins.folder.choice import choose
from priorkit_plugins.folder.conversion import Conversion
from priorkit_plugins.folder.picture import Header

OPEN = Conversion(None, None)


def headers(*sides: int, channels: int = 3) -> list[Header]:
    """Of images whose shorter sides these are; their longer sides differ."""
    return [Header((side, side + 1 + index), channels, False, 8) for index, side in enumerate(sides)]


@pytest.mark.parametrize(
    ("sides", "size"),
    [
        ((480, 2000), 64),
        ((64, 64), 64),
        ((48, 500), 64),  # enlarged by a third
        ((47, 500), 32),
        ((28, 30), 32),
        ((5, 9), 16),
        ((20, *[500] * 19), 64),  # one of twenty is enlarged much
        ((20, 20, *[500] * 8), 16),
    ],
)
def test_the_size_is_the_largest_to_which_few_images_are_enlarged(sides: tuple[int, ...], size: int) -> None:
    choice = choose(headers(*sides), OPEN)
    assert choice.settings == {"image_size": size}
    assert choice.conversion.image_size == size
    assert choice.conversion.channels is None


def test_images_are_in_colour_where_any_is() -> None:
    mixed = [*headers(32, channels=1), *headers(32)]
    choice = choose(mixed, OPEN)
    assert choice.settings == {"channels": 3}
    assert choice.conversion == Conversion(None, 3)


def test_nothing_is_chosen_where_images_are_alike_or_the_user_has_said_it() -> None:
    assert choose(headers(32), OPEN) == (OPEN, {}, [])
    said = Conversion(16, 1)
    assert choose([*headers(32, 40), *headers(20, channels=1)], said) == (said, {}, [])


def test_the_choice_is_one_in_memory_and_from_disk(tmp_path: Path) -> None:
    numbers = np.random.default_rng(0)
    for index in range(12):
        shape = (40 + index, 50) if index % 3 else (70, 60 + index, 3)
        Image.fromarray(numbers.integers(256, size=shape, dtype=np.uint8)).save(tmp_path / f"{index:02}.png")
    (tmp_path / "12.png").write_bytes(b"no image")

    def load(memory: int) -> ImageData:
        (component,) = priorkit_datasets()
        data: ImageData = component.build(FolderOptions(), DataContext(data_dir=tmp_path, memory=memory)).load()
        return data

    streamed, whole = load(0), load(10**9)
    assert streamed.chosen == whole.chosen == {"image_size": 32, "channels": 3}
    assert streamed.notes == whole.notes
    assert torch.equal(streamed.train.first(20), whole.train.first(20))
    assert whole.train.fingerprint == streamed.train.images.fingerprint()  # type: ignore[union-attr]
