"""Oxford 102 Flowers: photographs of many sizes."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torchvision.datasets import Flowers102

from priorkit.errors import DataError
from priorkit.interfaces import Captions, ImageData, ImageSet
from priorkit.plugins import central_square
from priorkit_plugins.caption_files import Captionless, captioned_images
from priorkit_plugins.image_vectors import read_vectors
from priorkit_plugins.torchvision_datasets.archive import Archive, damaged, shortened
from priorkit_plugins.torchvision_datasets.flower_captions import captions_path, held_out_classes, read_flower_captions

__all__ = ["FlowersArchive", "FlowersReading"]


@dataclass(frozen=True)
class FlowersReading:
    """Settings of reading the flowers.

    Attributes:
        image_size: Side of the images in pixels.
        split: The held-out images: the official `val`, or all images of some classes.
        captions: Whether to read captions, if they are beside the photographs.
        captionless: What to do if some photographs have no captions.
        embeddings: A folder with an embedding of each photograph, below that of the data set; or None.
    """

    image_size: int = 64
    split: Literal["official", "class-disjoint"] = "official"
    captions: bool = True
    captionless: Captionless = "refuse"
    embeddings: str | None = None


class _Photograph(NamedTuple):
    dataset: Flowers102
    number: int

    @property
    def path(self) -> Path:
        return Path(self.dataset._image_files[self.number])

    @property
    def label(self) -> int:
        return int(self.dataset._labels[self.number])


class FlowersArchive(Archive):
    """Oxford 102 Flowers in `ROOT/flowers-102`: the folder `jpg`, `imagelabels.mat` and `setid.mat`.

    Of the official splits, `train` and `test` (1,020 + 6,149 images) are trained on and `val` (1,020) is held out:
    `train` alone is too small to learn from. The class-disjoint split holds out all images of some classes
    (`held_out_classes`). Labels are the same for both splits. Each photograph is cropped to its central square and
    resized.

    Captions are read from `ROOT/flowers-102/text_c10/class_XXXXX/image_XXXXX.txt`, one a line, as Reed et al. publish
    them (CVPR 2016, arXiv:1605.05395).

    Args:
        reading: The settings.
    """

    title = "102 Flowers"
    advice = (
        "get 102flowers.tgz (to be unpacked there), imagelabels.mat and setid.mat from "
        "https://www.robots.ox.ac.uk/~vgg/data/flowers/102/"
    )

    def __init__(self, reading: FlowersReading) -> None:
        self.reading = reading

    def files(self, root: Path) -> list[Path]:
        """The folder of photographs, and the files with their labels and splits."""
        return [root / "flowers-102" / name for name in ("jpg", "imagelabels.mat", "setid.mat")]

    def download(self, root: Path) -> None:
        """Downloads and unpacks the photographs, labels and splits."""
        Flowers102(root, download=True)

    def read(self, root: Path) -> ImageData:
        """Reads all photographs, their captions first."""
        try:
            train, test, val = (self._photographs(root, split) for split in ("train", "test", "val"))
        except Exception as error:
            _, labels, splits_file = self.files(root)
            raise damaged(f"{labels} or {splits_file}", self.advice, shortened(error)) from error
        folder = root / "flowers-102"
        size = f"{self.reading.image_size}x{self.reading.image_size}"
        notes = [f"photographs are cropped to their central square and resized to {size}"]
        photographs, captions = self._captions(folder, [*train, *test, *val], notes)
        is_held_out = self._held_out(folder, photographs, notes)
        vectors: Tensor | None = None
        if self.reading.embeddings is not None:
            files = (folder / self.reading.embeddings / f"{photograph.path.stem}.npy" for photograph in photographs)
            vectors, more = read_vectors(files, len(photographs))
            notes += more
        train_set, test_set = (
            self._image_set(
                photographs, [index for index, flag in enumerate(is_held_out) if flag is wanted], vectors, captions
            )
            for wanted in (False, True)
        )
        return ImageData(train_set, test_set, class_names=_class_names(), notes=tuple(notes))

    def _held_out(self, folder: Path, photographs: list[_Photograph], notes: list[str]) -> list[bool]:
        """Whether each photograph is held out."""
        split = self.reading.split
        if split == "official":
            chosen = [photograph.dataset._split == "val" for photograph in photographs]
            notes.append(f"the official splits train and test are trained on, val ({sum(chosen)} images) is held out")
        else:
            classes, note = held_out_classes(folder)
            chosen = [photograph.label in classes for photograph in photographs]
            notes.append(note)
        if all(chosen) or not any(chosen):
            raise DataError(
                f"{folder} has no image to {'train on' if all(chosen) else 'hold out'} in the {split} split: choose "
                "the other by --dataset.split, or add images"
            )
        return chosen

    def _image_set(
        self, photographs: list[_Photograph], chosen: list[int], vectors: Tensor | None, captions: Captions | None
    ) -> ImageSet:
        """Reads some of the photographs, with their labels, captions and embeddings."""
        indices, some = torch.tensor(chosen), [photographs[index] for index in chosen]
        # Decoding releases the interpreter's lock.
        with ThreadPoolExecutor() as pool:
            pixels = np.stack(list(pool.map(self._read_photograph, some)))
        return ImageSet(
            torch.from_numpy(pixels),
            torch.tensor([photograph.label for photograph in some], dtype=torch.int64),
            embeddings=None if vectors is None else vectors[indices],
            captions=None if captions is None else captions.take(indices),
        )

    def _photographs(self, root: Path, split: str) -> list[_Photograph]:
        dataset = Flowers102(root, split, transform=self._square)
        return [_Photograph(dataset, number) for number in range(len(dataset))]

    def _captions(
        self, folder: Path, photographs: list[_Photograph], notes: list[str]
    ) -> tuple[list[_Photograph], Captions | None]:
        """The photographs to use, and their captions, if any."""
        if not self.reading.captions:
            return photographs, None
        if not (folder / "text_c10").is_dir():
            notes.append("there are no captions: text_c10 is missing beside the photographs")
            return photographs, None
        paths = [captions_path(folder, photograph.path, photograph.label) for photograph in photographs]
        found = [read_flower_captions(path) for path in paths]
        kept, more = captioned_images(
            found,
            lambda index: f"{paths[index]} is {'empty' if paths[index].exists() else 'missing'}",
            self.reading.captionless,
        )
        notes += more
        return [photographs[index] for index in kept], Captions([found[index] for index in kept])

    def _square(self, image: Image.Image) -> NDArray[np.uint8]:
        """Turns one photograph into an array of shape (3, image_size, image_size)."""
        return np.asarray(central_square(image, self.reading.image_size)).transpose(2, 0, 1)

    def _read_photograph(self, photograph: _Photograph) -> NDArray[np.uint8]:
        try:
            image: NDArray[np.uint8] = photograph.dataset[photograph.number][0]
        except Exception as error:  # missing, or whatever Pillow's decoder raises
            raise damaged(photograph.path, self.advice, shortened(error)) from error
        return image


def _class_names() -> tuple[str, ...]:
    # Older versions of torchvision do not know the flowers' names.
    return tuple(getattr(Flowers102, "classes", None) or map(str, range(1, 103)))
