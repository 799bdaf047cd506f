"""Images with 16 bits a value, in the data set `folder`."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pydantic import ValidationError

from priorkit.errors import DataError
from priorkit.interfaces import ImageData
from priorkit.plugins import DataContext
from priorkit_plugins.folder import FolderOptions, priorkit_datasets


def load(root: Path, value_range: tuple[int, int] | None = None, **context: Any) -> ImageData:
    (component,) = priorkit_datasets()
    options = FolderOptions() if value_range is None else FolderOptions(range=value_range)
    return component.build(options, DataContext(data_dir=root, **context)).load()


def save(root: Path, highest: int, lowest: int = 0) -> np.ndarray[Any, Any]:
    """Two images whose values fill a range evenly."""
    values = np.linspace(lowest, highest, 64).round().astype(np.uint16).reshape(8, 8)
    for number in range(2):
        Image.fromarray(values).save(root / f"{number}.png")
    return values


# In memory, and on disk.
@pytest.fixture(params=[{}, {"memory": 0}], ids=["in memory", "on disk"])
def context(request: pytest.FixtureRequest) -> dict[str, Any]:
    return dict(request.param)


def test_values_that_fill_16_bits_are_divided_by_257(tmp_path: Path, context: dict[str, Any]) -> None:
    values = save(tmp_path, 65535)
    data = load(tmp_path, **context)
    assert np.array_equal(data.train.first(1)[0, 0].numpy(), np.round(values / 257).astype(np.uint8))
    assert "images with 16 bits a value are brought to 8: 0 becomes black, 65535 white" in data.notes
    assert not any("shades" in note for note in data.notes)


def test_values_that_fill_little_of_16_bits(tmp_path: Path, context: dict[str, Any]) -> None:
    save(tmp_path, 4095)
    notes = load(tmp_path, **context).notes
    said = "the values of the 2 that were looked at are from 0 to 4095, so that 16 of 256 shades are left"
    assert f"{said}; --dataset.range 0,4095 makes these black and white" in notes
    # The advice can be followed as it stands.
    data = load(tmp_path, (0, 4095), **context)
    image = data.train.first(1)[0, 0].numpy()
    assert (image.min(), image.max()) == (0, 255)
    assert not any("shades" in note for note in data.notes)


def test_values_of_which_next_to_nothing_would_be_left(tmp_path: Path, context: dict[str, Any]) -> None:
    save(tmp_path, 1255, 1000)
    with pytest.raises(DataError, match=r"1000 to 1255, so that 1 of 256 shades are left: --dataset.range 1000,1255"):
        load(tmp_path, **context)
    image = load(tmp_path, (1000, 1255), **context).train.first(1)[0, 0].numpy()
    assert np.array_equal(image.ravel(), np.linspace(0, 255, 64).round())


def test_what_lies_outside_the_range_is_clipped(tmp_path: Path) -> None:
    values = save(tmp_path, 65535)
    image = load(tmp_path, (10000, 20000)).train.first(1)[0, 0].numpy()
    assert (image[values <= 10000] == 0).all()
    assert (image[values >= 20000] == 255).all()


def test_a_range_of_images_with_8_bits(tmp_path: Path, context: dict[str, Any]) -> None:
    for number in range(2):
        Image.new("L", (8, 8), number).save(tmp_path / f"{number}.png")
    with pytest.raises(DataError, match=r"--dataset.range 0,4095 is that of images with 16 bits"):
        load(tmp_path, (0, 4095), **context)


def test_colours_with_16_bits(tmp_path: Path) -> None:
    import struct
    import zlib

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    # Pillow writes no such files.
    values = np.linspace(0, 4095, 8 * 8 * 3).astype(">u2").reshape(8, 8, 3)
    rows = b"".join(b"\0" + row.tobytes() for row in values)
    header = struct.pack(">IIBBBBB", 8, 8, 16, 2, 0, 0, 0)
    png = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    for number in range(2):
        (tmp_path / f"{number}.png").write_bytes(png)
    assert any("16 of 256 shades are left; save them with 8 bits" in note for note in load(tmp_path).notes)


@pytest.mark.parametrize("value", [(5, 5), (9, 3), (-1, 5), (0, 65536)])
def test_ranges_that_are_none(value: tuple[int, int]) -> None:
    with pytest.raises(ValidationError, match="the lower one first"):
        FolderOptions(range=value)
