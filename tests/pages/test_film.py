import io
import re
from pathlib import Path

import numpy as np
from PIL import Image

from priorkit.pages import film_strip


def pictures(folder: Path, count: int, side: int = 8) -> list[tuple[int, Path]]:
    rng = np.random.default_rng(0)
    found = []
    for step in range(count):
        path = folder / f"samples-{step:08d}.png"
        Image.fromarray(rng.integers(0, 256, (side, side, 3), dtype=np.uint8)).save(path)
        found.append((step, path))
    return found


def steps(strip: str) -> list[int]:
    return [int(step) for step in re.findall(r'data-step="(\d+)"', strip)]


def test_few_pictures_are_all_there(tmp_path: Path) -> None:
    strip = film_strip(pictures(tmp_path, 5), "samples")
    assert steps(strip) == [0, 1, 2, 3, 4]


def test_of_many_the_first_and_the_last_stay(tmp_path: Path) -> None:
    found = steps(film_strip(pictures(tmp_path, 100), "samples"))
    assert len(found) == 24
    assert (found[0], found[-1]) == (0, 99)
    assert found == sorted(set(found))


def test_large_pictures_are_compressed_and_fewer(tmp_path: Path) -> None:
    # Noise, which compresses badly.
    frames = pictures(tmp_path, 6, side=900)
    assert sum(path.stat().st_size for _, path in frames) > 10_000_000
    strip = film_strip(frames, "samples")
    assert len(strip) < 3_500_000
    assert steps(strip)[-1] == 5
    assert "data:image/webp" in strip


def test_a_single_picture_is_no_film(tmp_path: Path) -> None:
    assert film_strip(pictures(tmp_path, 1), "samples") == ""


def test_pictures_that_fit_stay_as_they_are(tmp_path: Path) -> None:
    frames = pictures(tmp_path, 2)
    assert Image.open(io.BytesIO(frames[0][1].read_bytes())).format == "PNG"
    assert film_strip(frames, "samples").count("data:image/png") == 2


def test_what_is_no_picture_is_left_out(tmp_path: Path) -> None:
    frames = pictures(tmp_path, 4, side=1200)
    frames[1][1].write_bytes(b"<script>" * 500_000)
    strip = film_strip(frames, "samples")
    assert 1 not in steps(strip)
    assert steps(strip)[-1] == 3
