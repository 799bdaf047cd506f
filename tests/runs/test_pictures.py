from pathlib import Path
from typing import IO, Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from priorkit.figures import as_picture
from priorkit.runs import pairs, save_grid, save_images


def numbered(n: int, channels: int = 1, size: int = 16) -> torch.Tensor:
    """Images of one value each, from 10 up."""
    return torch.arange(10, 10 + n, dtype=torch.uint8).view(n, 1, 1, 1).expand(n, channels, size, size).contiguous()


@settings(deadline=None, max_examples=30)
@given(n=st.integers(1, 40), columns=st.integers(1, 9))
def test_each_original_is_above_its_reconstruction(n: int, columns: int) -> None:
    columns = min(columns, n)
    rows = pairs(numbered(n), numbered(n) + 100, columns)[:, 0, 0, 0].view(-1, columns)
    blank = [0] * (-n % columns)
    assert rows[::2].flatten().tolist() == [*range(10, 10 + n), *blank]
    assert rows[1::2].flatten().tolist() == [*range(110, 110 + n), *blank]


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(("n", "columns"), [(1, 8), (5, 2), (8, 8), (9, 4)])
def test_a_grid_shows_every_image_in_its_place(channels: int, n: int, columns: int, tmp_path: Path) -> None:
    path = tmp_path / "grid.png"
    save_grid(numbered(n, channels), path, columns)
    with Image.open(path) as picture:
        assert picture.mode == ("L" if channels == 1 else "RGB")
        array = np.asarray(picture)
    # 16 pixels are enlarged to 64; with more than one image, each has a border of 2 before that.
    pitch, border = (4 * 18, 4 * 2) if n > 1 else (64, 0)
    for index in range(n):
        row, column = divmod(index, columns)
        place = array[border + row * pitch :, border + column * pitch :][:64, :64]
        assert place.shape[:2] == (64, 64)
        assert (place == 10 + index).all()
    assert list(tmp_path.iterdir()) == [path]


def test_large_images_keep_their_size(tmp_path: Path) -> None:
    save_grid(numbered(1, size=128), tmp_path / "grid.png")
    with Image.open(tmp_path / "grid.png") as picture:
        assert picture.size == (128, 128)


def test_a_failure_keeps_the_old_picture_and_leaves_no_draft(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "grid.png"
    save_grid(numbered(1), path)
    before = path.read_bytes()

    def fail(self: Image.Image, file: IO[bytes], *arguments: object, **options: object) -> None:
        file.write(b"half a picture")
        raise OSError("disk full")

    monkeypatch.setattr(Image.Image, "save", fail)
    with pytest.raises(OSError, match="disk full"):
        save_grid(numbered(4), path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


class ElsewhereTensor(torch.Tensor):
    """Behaves as a tensor on another device: its values must be fetched before they are read."""

    def numpy(self, *, force: bool = False) -> Any:
        raise TypeError("can't convert device type tensor to numpy. Use Tensor.cpu() first")

    def cpu(self, *arguments: Any, **options: Any) -> torch.Tensor:
        return self.as_subclass(torch.Tensor)


@pytest.mark.parametrize("name", ["images.png", "images.npz", "images"])
def test_images_may_lie_on_another_device(name: str, tmp_path: Path) -> None:
    elsewhere = numbered(5).as_subclass(ElsewhereTensor)
    with pytest.raises(TypeError, match="device"):
        elsewhere.permute(0, 2, 3, 1).numpy()
    save_images(elsewhere, tmp_path / name)
    save_grid(elsewhere, tmp_path / "grid.png")
    as_picture(elsewhere[0])
    assert (tmp_path / name).exists()
