"""Images from a folder of files."""

import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from priorkit.errors import DataError
from priorkit.interfaces import DataSource, ImageData, ImageSet, StoredImages
from priorkit.plugins import held_out, image_bytes
from priorkit_plugins.folder.beside import Beside
from priorkit_plugins.folder.choice import Choice, choose
from priorkit_plugins.folder.conversion import Conversion, conversion_notes
from priorkit_plugins.folder.deep_images import deep_image_notes
from priorkit_plugins.folder.files import Files
from priorkit_plugins.folder.in_memory import read_images
from priorkit_plugins.folder.layout import Split, find_layout
from priorkit_plugins.folder.left_aside import BrokenFiles, broken_notes
from priorkit_plugins.folder.picture import FULL_RANGE, BrokenFileError, Header, read_header
from priorkit_plugins.folder.stored import FileImages, Kind

__all__ = ["FolderSource"]

_LOOKED_AT = 2048
"""Number of files whose headers are read if images stay on disk."""


class FolderSource(DataSource):
    """Image files in a folder: `root/class/image.png`, or `root/image.png` without classes.

    Two folders `root/train` and `root/test` (or `val`) of this layout define the held-out images. Images of one size
    keep it, but squares larger than `image_size` (128 by default) are reduced to it. Images that differ in size become
    squares of `image_size`, or of a chosen size, by cropping and antialiased resizing.

    Args:
        root: The folder.
        image_size: Side in pixels to which images of different sizes are resized; None chooses it.
        channels: 1 converts all images to grey, 3 to RGB; None converts to RGB only if some images are in colour.
        holdout: Share of the images to hold out if the folder has no held-out images, between 0 and 1; at least one
            image is held out, and at least one is not.
        seed: Seed of the choice of images to hold out.
        memory: Bytes that the images may take, as `image_bytes` counts them; larger sets stay on disk.
        value_range: The values of 16-bit grey that become black and white.
        beside: The captions and embeddings to read.
        broken: Whether broken files are left out (`drop`), or refused.
    """

    def __init__(
        self,
        root: Path | None,
        image_size: int | None = None,
        channels: int | None = None,
        holdout: float = 0.1,
        seed: int = 0,
        memory: int = sys.maxsize,
        value_range: tuple[int, int] = FULL_RANGE,
        beside: Beside | None = None,
        broken: Literal["drop", "refuse"] = "drop",
    ) -> None:
        self.root = root
        self.conversion = Conversion(image_size, channels, value_range)
        self.holdout = holdout
        self.seed = seed
        self.memory = memory
        self.beside = beside or Beside()
        self.broken = broken

    def load(self) -> ImageData:
        """Reads the images, or only the headers of some if all would need too much memory.

        Broken files are left out, unless `broken` is `refuse`. A common size and channels are chosen if images differ
        and the user has set none.

        Raises:
            DataError: The folder is missing or has too few images; a file cannot be read; or captions or embeddings are
                missing or broken.
        """
        if self.root is None:
            raise DataError("the data set folder needs a folder of images: give it by --data-dir FOLDER")
        root = self.root.expanduser()
        broken: dict[str, BrokenFileError] = {}
        while True:
            try:
                return self._without(broken, root)
            except BrokenFiles as error:
                if self.broken == "refuse":
                    raise next(iter(error.found.values())) from error
                # From the start: the choice of held-out images depends on the number of images.
                broken |= error.found

    def _without(self, broken: Mapping[str, BrokenFileError], root: Path) -> ImageData:
        """Reads all images but broken ones.

        Raises:
            BrokenFiles: Others are broken, too.
            DataError: As for `load`.
        """
        layout = find_layout(root)
        files = Files.joined([layout.train.files, *([layout.test.files] if layout.test else [])])
        notes = [*layout.notes, *broken_notes(broken, len(files) - len(broken), root)]
        labels, class_names = _labels(layout.train, layout.test)
        kept, captions = self.beside.read_captions(files, notes)
        if broken:
            sound = np.array([files.name(index) not in broken for index in kept], dtype=np.bool_)
            kept, captions = kept[sound], captions and captions.take(torch.from_numpy(sound.nonzero()[0]))
        train_count = int((kept < len(layout.train.files)).sum())
        files, labels = files.chosen(kept), None if labels is None else labels[torch.from_numpy(kept)]
        if len(files) < 2 or not train_count or (layout.test and train_count == len(files)):
            if broken:
                raise next(iter(broken.values()))
            of_use = "" if captions is None else " with captions"
            found = f"only one image{of_use} ({files[0].name})"
            if len(files) > 1:
                found = f"no image{of_use} to {'hold out' if train_count else 'train on'}"
            raise DataError(f"{root} has {found}, but one to train on and one to hold out are needed: add images")
        vectors = self.beside.read_embeddings(files, notes)
        if layout.test:
            indices = torch.arange(train_count), torch.arange(train_count, len(files))
        else:
            indices = held_out(len(files), self.holdout, self.seed, labels)
        parts = [files.chosen(chosen.numpy()) for chosen in indices]
        choice, some = self._look(files)
        kind = _kind(files, choice.conversion, some, self.memory, notes)
        images: Sequence[Tensor | StoredImages]
        if kind is None:
            read = _read(files, torch.cat(indices), choice.conversion, notes)
            images = torch.split(read, [len(part) for part in parts])
        else:
            images = [FileImages(part, *kind) for part in parts]
        notes += choice.notes
        if not layout.test:
            notes.append(f"{len(parts[1])} of {len(files)} images are held out")
        train, test = (
            ImageSet(
                pixels,
                None if labels is None else labels[chosen],
                part.fingerprint() if isinstance(pixels, Tensor) else None,
                None if vectors is None else vectors[chosen],
                None if captions is None else captions.take(chosen),
            )
            for pixels, chosen, part in zip(images, indices, parts, strict=True)
        )
        return ImageData(train=train, test=test, class_names=class_names, notes=tuple(notes), chosen=choice.settings)

    def read_file(self, path: Path) -> Tensor:
        """Reads an image file in the same way as those of the folder."""
        pixels = np.asarray(self.conversion.read(path)[1])
        return torch.tensor(pixels).view(*pixels.shape[:2], -1).permute(2, 0, 1)

    def _look(self, files: Files) -> tuple[Choice, list[tuple[Path, Header]]]:
        """Reads the headers of some files, evenly spaced; their number does not depend on how images are read later.

        Returns:
            The common conversion; and the examined files with their headers, which is empty if the user has set size
            and channels and all images may be in memory.

        Raises:
            BrokenFiles: Some of them are not images, or damaged.
        """
        if None not in self.conversion[:2] and self.memory == sys.maxsize:
            return Choice(self.conversion, {}, []), []
        number = min(len(files), _LOOKED_AT)
        some = files.chosen(np.arange(number) * len(files) // number)
        with ThreadPoolExecutor() as pool:
            found = list(pool.map(_header, some))
        broken = {some.name(place): item for place, item in enumerate(found) if isinstance(item, BrokenFileError)}
        if broken:
            raise BrokenFiles(broken)
        headers = [item for item in found if isinstance(item, Header)]
        return choose(headers, self.conversion), list(zip(some, headers, strict=True))


def _header(path: Path) -> Header | BrokenFileError:
    try:
        return read_header(path)
    except BrokenFileError as error:
        return error


def _kind(
    files: Files, conversion: Conversion, some: Sequence[tuple[Path, Header]], memory: int, notes: list[str]
) -> tuple[Kind, tuple[Path, Header]] | None:
    """The common properties of images that stay on disk, and one of them; None if all may be in memory."""
    if memory == sys.maxsize:
        return None
    headers = [header for _, header in some]
    width, height = conversion.common_size(headers)
    channels = conversion.channels or headers[0].channels
    if image_bytes(len(files), (channels, height, width), conversion.image_size) <= memory:
        return None
    notes += conversion_notes(headers, (width, height), channels)
    if any(header.transparent for header in headers):
        notes.append("transparent parts are laid on white")
    notes += deep_image_notes(files, headers, conversion.value_range)
    return Kind(conversion, (width, height), channels), some[0]


def _read(files: Files, order: Tensor, conversion: Conversion, notes: list[str]) -> Tensor:
    """Reads all files, shape (N, C, H, W), in the order of these indices, and notes their conversion."""
    images, headers = read_images(files, order.argsort().numpy(), conversion)
    notes += conversion_notes(headers, conversion.common_size(headers), images.shape[1])
    notes += deep_image_notes(files, headers, conversion.value_range)
    transparent = sum(number for header, number in headers.items() if header.transparent)
    if transparent:
        notes.append(f"transparent parts of {transparent} image{'s' if transparent > 1 else ''} are laid on white")
    return images


def _labels(train: Split, test: Split | None) -> tuple[Tensor | None, tuple[str, ...]]:
    """Class indices of the images, those to train on first, and the names of the classes."""
    if train.classes is None:
        return None, ()
    # The files come class by class, in the classes' order.
    class_names = tuple(dict.fromkeys(train.classes))
    index = {name: i for i, name in enumerate(class_names)}
    names = train.classes + ((test.classes or []) if test else [])
    return torch.tensor([index[name] for name in names]), class_names
