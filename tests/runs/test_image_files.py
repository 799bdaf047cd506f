from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from priorkit.errors import DataError
from priorkit.interfaces import ImageShape
from priorkit.runs import read_images

GREY, RGB = ImageShape(1, 16), ImageShape(3, 16)


def test_images_are_cropped_resized_and_converted(tmp_path: Path) -> None:
    halves = Image.new("RGB", (60, 20), "red")
    halves.paste("blue", (0, 0, 20, 20))
    halves.paste("blue", (40, 0, 60, 20))
    halves.save(tmp_path / "a.png")
    images = read_images([tmp_path / "a.png"] * 2, RGB)
    assert images.shape == (2, 3, 16, 16)
    # Only the central square is red; resizing mixes its edges with what lies beside them.
    assert (images[:, 0, :, 2:-2] == 255).all()
    assert (images[:, 1:, :, 2:-2] == 0).all()
    assert (read_images([tmp_path / "a.png"], GREY)[:, :, :, 2:-2] == 76).all()


@pytest.mark.parametrize("dtype", [np.uint16, np.int32])
def test_16_bit_grey_is_scaled(tmp_path: Path, dtype: type) -> None:
    values = np.full((16, 16), 257 * 100, dtype=dtype)
    values[:8] = 65535
    suffix = "png" if dtype is np.uint16 else "tiff"
    path = tmp_path / f"a.{suffix}"
    Image.fromarray(values).save(path)
    image = read_images([path], GREY)[0, 0]
    assert (image[:8] == 255).all()
    assert (image[8:] == 100).all()
    assert read_images([path], RGB).shape == (1, 3, 16, 16)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_transparent_parts_are_laid_on_white(tmp_path: Path, mode: str) -> None:
    picture = Image.new("RGBA", (16, 16), (0, 0, 0, 0))
    picture.paste((0, 0, 0, 255), (0, 0, 16, 8))
    path = tmp_path / "a.png"
    picture.convert(mode).save(path)
    image = read_images([path], GREY)[0, 0]
    assert (image[:8] == 0).all()
    assert (image[8:] == 255).all()


@pytest.mark.parametrize(
    ("values", "reason"),
    [(np.zeros((16, 16), np.float32), "floating-point"), (np.full((16, 16), 70000, np.int32), "more than 16 bits")],
)
def test_pixels_that_do_not_fit_are_refused(tmp_path: Path, values: np.ndarray, reason: str) -> None:
    path = tmp_path / "a.tiff"
    Image.fromarray(values).save(path)
    with pytest.raises(DataError, match=f"cannot read .*a.tiff' as an image: .*{reason}"):
        read_images([path], GREY)


def test_missing_and_other_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no image .*x.png': check the path"):
        read_images([tmp_path / "x.png"], GREY)
    (tmp_path / "y.png").write_text("no image")
    with pytest.raises(DataError, match=r"cannot read .*y.png' as an image"):
        read_images([tmp_path / "y.png"], GREY)
