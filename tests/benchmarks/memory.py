"""Peak resident memory of a short training, against the size of the data set.

Data sets are folders of PNG images of noise, of one, two, four and eight times a size. Most of the files are hard links
to a few images; no reader can take advantage of that. If the installed priorkit can stream images from disk, memory is
measured both with and without streaming.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmark import Benchmark, Settings
from children import PRIORKIT, run_measured
from table import Table

__all__ = ["BENCHMARKS"]

_SMALLEST = 1500
_TIMES = (1, 2, 4, 8)
_SIZE = 128
_HELD_OUT = 150
"""Held-out images of each data set; the same number, because reconstructing more images takes more memory."""
_DISTINCT = 100
_MIB = 2**20


def _draw(folder: Path) -> list[Path]:
    folder.mkdir()
    numbers = np.random.default_rng(0)
    paths = [folder / f"{index:03}.png" for index in range(_DISTINCT)]
    for path in paths:
        pixels = numbers.integers(256, size=(_SIZE, _SIZE, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(path, compress_level=1)
    return paths


def _fill(folder: Path, pictures: list[Path], n: int) -> None:
    folder.mkdir()
    for index in range(n):
        source, target = pictures[index % len(pictures)], folder / f"{index:06}.png"
        try:
            os.link(source, target)
        except OSError:
            shutil.copyfile(source, target)


def _ways() -> dict[str, tuple[str, ...]]:
    from sessions import has_setting

    if has_setting("stream"):
        return {"in memory": ("--stream", "never"), "streamed": ("--stream", "always")}
    return {"in memory": ()}


def _peak(data: Path, n: int, out: Path, options: tuple[str, ...], settings: Settings) -> float:
    run = ("train", "--steps", "3", "--batch-size", "16", "--networks.width", "4", "--device", "cpu", "--json")
    command = (*PRIORKIT, *run, "--dataset", "folder", "--data-dir", str(data))
    command = (*command, "--holdout", f"{_HELD_OUT / n:.6f}", "--out", str(out), *options)
    return run_measured(command, settings.threads).peak_bytes / _MIB


def _run(settings: Settings) -> Iterator[Table]:
    ways = _ways()
    rows: list[list[str | float]] = []
    with tempfile.TemporaryDirectory(prefix="priorkit-benchmark-") as folder:
        root = Path(folder)
        pictures = _draw(root / "drawn")
        for times in _TIMES:
            data, n = root / f"data-{times}", times * _SMALLEST
            _fill(data, pictures, n)
            peaks = [_peak(data, n, root / f"run-{times}-{way}", options, settings) for way, options in ways.items()]
            rows.append([n, n * 3 * _SIZE**2 / _MIB, *peaks])
    growth: dict[str, Any] = {
        f"MiB of memory for each MiB of images, {way}": f"{_slope(rows, 2 + place):.2f}"
        for place, way in enumerate(ways)
    }
    if len(ways) == 1:
        growth["streaming"] = "this priorkit has no setting `stream`: all images are in memory"
    yield Table(
        f"peak resident memory of 3 steps, {_SIZE}x{_SIZE} RGB",
        ("images", "MiB of pixels", *(f"peak MiB, {way}" for way in ways)),
        rows,
        growth,
    )


def _slope(rows: list[list[Any]], column: int) -> float:
    first, last = rows[0], rows[-1]
    return float((last[column] - first[column]) / (last[1] - first[1]))


BENCHMARKS = [Benchmark("memory", "peak memory of a training against the size of the data set", _run)]
