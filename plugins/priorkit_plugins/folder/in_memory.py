"""Image files that are decoded all at once."""

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
"""Files that are read before their turn."""

Pixels = NDArray[np.uint8]
_Read = tuple[Header, Image.Image]


def read_images(files: Files, places: NDArray[np.int64], conversion: Conversion) -> tuple[Tensor, Counter[Header]]:
    """Reads files into a tensor. Beside it, only the few images are in memory that are read ahead.

    Args:
        files: The files.
        places: Where in the tensor each one's image goes: each of the numbers below N once.
        conversion: What is done to each by itself. Images that differ in size after it become squares of `image_size`.

    Returns:
        The images, uint8 of shape (N, C, H, W), and how many files have which header.

    Raises:
        BrokenFiles: Some files are no images, or damaged: all of them.
        DataError: A file cannot be read, or does not go with the first one; the first such file is told of.
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
    """Reads files in their order. `pool.map` would read on, and hold all that has not been asked for yet."""

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
    """Brings the images in these places to a size; what is in the others is undefined."""
    result = np.empty((*images.shape[:2], size, size), dtype=np.uint8)
    for place in places:
        image = Image.fromarray(images[place].transpose(1, 2, 0) if images.shape[1] == 3 else images[place, 0])
        result[place] = _pixels(central_square(image, size))
    return result


def _pixels(image: Image.Image) -> Pixels:
    """The pixels of a grey or RGB image, shape (C, H, W)."""
    pixels = np.asarray(image)
    return pixels.transpose(2, 0, 1) if pixels.ndim == 3 else pixels[np.newaxis]
