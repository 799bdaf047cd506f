"""Reads all image files into memory at once."""

from collections import Counter, deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from priorkit.plugins import central_square
from priorkit_plugins.folder.conversion import Conversion, check_alike
from priorkit_plugins.folder.files import Files
from priorkit_plugins.folder.left_aside import BrokenFiles
from priorkit_plugins.folder.picture import BrokenFileError, Header

__all__ = ["read_images"]

_AHEAD = 64
"""Number of files to read ahead."""

Pixels = NDArray[np.uint8]
_Read = tuple[Header, Image.Image]


def read_images(files: Files, places: NDArray[np.int64], conversion: Conversion) -> tuple[Tensor, Counter[Header]]:
    """Reads files into a tensor. Apart from it, only the few images that are read ahead are in memory.

    Args:
        files: The files.
        places: The index in the tensor of each file's image, a permutation of the numbers below N.
        conversion: The conversion of each single image. If the results differ in size, they become squares of
            `image_size`.

    Returns:
        The images, uint8 of shape (N, C, H, W), and how many files have which header.

    Raises:
        BrokenFiles: Some files are not images, or damaged; names all of them.
        DataError: A file cannot be read, or does not fit the first one; names the first such file.
    """
    headers: Counter[Header] = Counter()
    broken: dict[str, BrokenFileError] = {}
    first: tuple[Path, Header] | None = None
    with ThreadPoolExecutor() as pool:
        for number, (path, read) in enumerate(_read_ahead(pool, files, conversion)):
            if isinstance(read, BrokenFileError):
                broken[files.name(number)] = read
                continue
            header, image = read
            pixels = _pixels(image)
            if first is None:
                first = path, header
                images: Pixels = np.empty((len(files), *pixels.shape), dtype=np.uint8)
            check_alike(first, (path, header), conversion)
            if pixels.shape != images.shape[1:]:
                size = conversion.image_size
                assert size is not None, "without a size to bring them to, images are alike"
                if images.shape[2:] != (size, size):
                    images = _resized(images, places[:number], size)
                pixels = _pixels(central_square(image, size))
            images[places[number]] = pixels
            headers[header] += 1
    if broken:
        raise BrokenFiles(broken)
    return torch.from_numpy(images), headers


def _read_ahead(
    pool: ThreadPoolExecutor, files: Files, conversion: Conversion
) -> Iterator[tuple[Path, _Read | BrokenFileError]]:
    """Reads files in order. `pool.map` would read without limit, and hold all results that are not consumed yet."""

    def read(path: Path) -> _Read | BrokenFileError:
        try:
            return conversion.read(path)
        except BrokenFileError as error:
            return error

    # Decoding releases the interpreter's lock.
    started: deque[tuple[Path, Future[_Read | BrokenFileError]]] = deque()
    for path in files:
        started.append((path, pool.submit(read, path)))
        if len(started) > _AHEAD:
            path, future = started.popleft()
            yield path, future.result()
    while started:
        path, future = started.popleft()
        yield path, future.result()


def _resized(images: Pixels, places: NDArray[np.int64], size: int) -> Pixels:
    """Resizes the images at these places; the others are undefined."""
    result = np.empty((*images.shape[:2], size, size), dtype=np.uint8)
    for place in places:
        image = Image.fromarray(images[place].transpose(1, 2, 0) if images.shape[1] == 3 else images[place, 0])
        result[place] = _pixels(central_square(image, size))
    return result


def _pixels(image: Image.Image) -> Pixels:
    """The pixels of a grey or RGB image, shape (C, H, W)."""
    pixels = np.asarray(image)
    return pixels.transpose(2, 0, 1) if pixels.ndim == 3 else pixels[np.newaxis]
