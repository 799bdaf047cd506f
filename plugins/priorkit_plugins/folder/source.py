"""Images from a folder of files."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from priorkit.errors import DataError
from priorkit.interfaces import DataSource, ImageData, ImageSet
from priorkit_plugins.central_square import central_square
from priorkit_plugins.folder.layout import Split, find_layout
from priorkit_plugins.folder.picture import read_picture
from priorkit_plugins.holdout_split import held_out

__all__ = ["FolderSource"]

_LARGEST = 128
"""Side of the largest images that priorkit trains on. Larger ones are reduced at once: photographs fill the memory."""


class _Loaded(NamedTuple):
    image: Image.Image
    size: tuple[int, int]
    """Width and height of the file's image."""
    channels: int
    """Channels of the file's image."""
    transparent: bool


class FolderSource(DataSource):
    """Image files in a folder: `root/class/image.png`, or `root/image.png` where there are no classes.

    Two folders `root/train` and `root/test` (or `val`) of that layout say which images are held out. Images of one size
    keep it, but squares larger than `image_size` (128 by default) are reduced to it; images that differ in size are
    brought to the square `image_size` by cropping and antialiased resizing.

    Args:
        root: The folder.
        image_size: Side in pixels that images of different sizes are brought to, or None.
        channels: 1 to turn all images to grey, 3 to turn all to RGB, or None where all are alike.
        holdout: Share of the images to hold out where the folder does not say which, between 0 and 1; at least one
            image is held out, and one is not.
        seed: Seed of the choice of images to hold out.
    """

    def __init__(
        self,
        root: Path | None,
        image_size: int | None = None,
        channels: int | None = None,
        holdout: float = 0.1,
        seed: int = 0,
    ) -> None:
        self.root = root
        self.image_size = image_size
        self.channels = channels
        self.holdout = holdout
        self.seed = seed

    def load(self) -> ImageData:
        """Reads the images.

        Raises:
            DataError: The folder is missing or has too few images; an image is damaged; or images differ in size or
                channels and nobody said what to bring them to.
        """
        if self.root is None:
            raise DataError("the data set folder needs a folder of images: give it by --data-dir FOLDER")
        root = self.root.expanduser()
        layout = find_layout(root)
        files = layout.train.files + (layout.test.files if layout.test else [])
        if len(files) < 2:
            raise DataError(
                f"{root} has only one image ({files[0].name}), but one to train on and one to hold out are needed: "
                "add images"
            )
        notes = list(layout.notes)
        images = self._read(files, notes)
        labels, class_names = _labels(layout.train, layout.test)
        if layout.test:
            train, test = torch.arange(len(layout.train.files)), torch.arange(len(layout.train.files), len(files))
        else:
            train, test = held_out(len(files), self.holdout, self.seed)
            notes.append(f"{len(test)} of {len(files)} images are held out")
        return ImageData(
            train=ImageSet(images[train], None if labels is None else labels[train]),
            test=ImageSet(images[test], None if labels is None else labels[test]),
            class_names=class_names,
            notes=tuple(notes),
        )

    def _read(self, files: Sequence[Path], notes: list[str]) -> Tensor:
        """Reads all files, shape (N, C, H, W), and notes what was done to them."""
        loaded: list[_Loaded] = []
        # Decoding releases the interpreter's lock.
        with ThreadPoolExecutor() as pool:
            for path, item in zip(files, pool.map(self._load, files), strict=True):
                self._check_alike(files[0], loaded[0] if loaded else item, path, item)
                loaded.append(item)
        images = [item.image for item in loaded]
        if len({image.size for image in images}) > 1 and self.image_size is not None:
            images = [central_square(image, self.image_size) for image in images]
        notes += _notes(loaded, images)
        pixels = torch.from_numpy(np.stack([np.asarray(image) for image in images]))
        return pixels.unsqueeze(1) if pixels.ndim == 3 else pixels.permute(0, 3, 1, 2).contiguous()

    def _load(self, path: Path) -> _Loaded:
        image, transparent = read_picture(path)
        size, channels = image.size, len(image.getbands())
        if self.channels is not None:
            image = image.convert("L" if self.channels == 1 else "RGB")
        limit = self.image_size or _LARGEST
        if min(size) > limit:
            image = central_square(image, limit)
        elif self.image_size is not None:
            image = central_square(image)
        return _Loaded(image, size, channels, transparent)

    def _check_alike(self, first_path: Path, first: _Loaded, path: Path, item: _Loaded) -> None:
        if self.image_size is None and item.size != first.size:
            raise DataError(
                f"images differ in size: {first_path} has {_size(first.size)} pixels, {path} {_size(item.size)}; "
                "--image-size 64 brings all to one size"
            )
        if self.channels is None and item.channels != first.channels:
            grey, colour = (first_path, path) if first.channels == 1 else (path, first_path)
            raise DataError(
                f"grey and colour images are mixed: {grey} is grey, {colour} is in colour; --channels 1 or --channels "
                "3 brings all to one kind"
            )


def _labels(train: Split, test: Split | None) -> tuple[Tensor | None, tuple[str, ...]]:
    """Class indices of the images, those to train on first, and the names of the classes."""
    if train.classes is None:
        return None, ()
    # The files come class by class, in the classes' order.
    class_names = tuple(dict.fromkeys(train.classes))
    index = {name: i for i, name in enumerate(class_names)}
    names = train.classes + ((test.classes or []) if test else [])
    return torch.tensor([index[name] for name in names]), class_names


def _notes(loaded: Sequence[_Loaded], images: Sequence[Image.Image]) -> list[str]:
    notes = []
    sizes = {item.size for item in loaded}
    smallest, largest, result = min(sizes), max(sizes), images[0].size
    if len(sizes) > 1:
        differ = f"images differ in size ({_size(smallest)}, {_size(largest)}, ...)"
        notes.append(f"{differ}: their central squares are resized to {_size(result)}")
    elif result != largest:
        resized = "" if result[0] == min(largest) else f" and resized to {_size(result)}"
        notes.append(f"images {_size(largest)} (width x height) are cropped to their central square{resized}")
    channels = len(images[0].getbands())
    if any(item.channels != channels for item in loaded):
        notes.append("colour images are turned to grey" if channels == 1 else "grey images are repeated as RGB")
    transparent = sum(item.transparent for item in loaded)
    if transparent:
        notes.append(f"transparent parts of {transparent} image{'s' if transparent > 1 else ''} are laid on white")
    return notes


def _size(size: tuple[int, int]) -> str:
    return f"{size[0]}x{size[1]}"
