"""Oxford 102 Flowers: photographs of many sizes."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torchvision.datasets import Flowers102

from priorkit.interfaces import ImageData, ImageSet
from priorkit_plugins.central_square import central_square
from priorkit_plugins.torchvision_datasets.archive import Archive, damaged, shortened

__all__ = ["FlowersArchive"]


class FlowersArchive(Archive):
    """Oxford 102 Flowers in `ROOT/flowers-102`: the folder `jpg`, `imagelabels.mat` and `setid.mat`.

    Of the official splits, `train` and `test` (1,020 + 6,149 images) are trained on and `val` (1,020) is held out:
    `train` alone is too small to learn from. Each photograph is cropped to its central square and resized.

    Args:
        image_size: Side of the result in pixels.
    """

    title = "102 Flowers"
    advice = (
        "get 102flowers.tgz (to be unpacked there), imagelabels.mat and setid.mat from "
        "https://www.robots.ox.ac.uk/~vgg/data/flowers/102/"
    )

    def __init__(self, image_size: int) -> None:
        self.image_size = image_size

    def files(self, root: Path) -> list[Path]:
        """The folder of photographs, and the files with their labels and splits."""
        return [root / "flowers-102" / name for name in ("jpg", "imagelabels.mat", "setid.mat")]

    def download(self, root: Path) -> None:
        """Downloads and unpacks the photographs, labels and splits."""
        Flowers102(root, download=True)

    def read(self, root: Path) -> ImageData:
        """Reads all photographs."""
        try:
            splits = {name: Flowers102(root, name, transform=self._square) for name in ("train", "test", "val")}
        except Exception as error:
            _, labels, splits_file = self.files(root)
            raise damaged(f"{labels} or {splits_file}", self.advice, shortened(error)) from error
        size = f"{self.image_size}x{self.image_size}"
        held_out = len(splits["val"])
        return ImageData(
            train=self._image_set(splits["train"], splits["test"]),
            test=self._image_set(splits["val"]),
            class_names=_class_names(),
            notes=(
                f"photographs are cropped to their central square and resized to {size}",
                f"the official splits train and test are trained on, val ({held_out} images) is held out",
            ),
        )

    def _square(self, image: Image.Image) -> NDArray[np.uint8]:
        """Turns one photograph into an array of shape (3, image_size, image_size)."""
        return np.asarray(central_square(image, self.image_size)).transpose(2, 0, 1)

    def _image_set(self, *datasets: Flowers102) -> ImageSet:
        files = [(dataset, index) for dataset in datasets for index in range(len(dataset))]
        # Decoding releases the interpreter's lock.
        with ThreadPoolExecutor() as pool:
            items = list(pool.map(self._read_photograph, files))
        images = torch.from_numpy(np.stack([image for image, _ in items]))
        return ImageSet(images, torch.tensor([label for _, label in items], dtype=torch.int64))

    def _read_photograph(self, file: tuple[Flowers102, int]) -> tuple[NDArray[np.uint8], int]:
        dataset, index = file
        try:
            image, label = dataset[index]
        except Exception as error:  # missing, or whatever Pillow's decoder raises
            raise damaged(dataset._image_files[index], self.advice, shortened(error)) from error
        return image, label


def _class_names() -> tuple[str, ...]:
    # Older versions of torchvision do not know the flowers' names.
    return tuple(getattr(Flowers102, "classes", None) or map(str, range(1, 103)))
