"""Oxford 102 Flowers: photographs of many sizes."""

from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torchvision.datasets import Flowers102

from priorkit.interfaces import ImageData, ImageSet
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
            splits = {name: Flowers102(root, name, loader=self._load) for name in ("train", "test", "val")}
        except Exception as error:
            _, labels, splits_file = self.files(root)
            raise damaged(f"{labels} or {splits_file}", self.advice, shortened(error)) from error
        size = f"{self.image_size}x{self.image_size}"
        held_out = len(splits["val"])
        return ImageData(
            train=_image_set(splits["train"], splits["test"]),
            test=_image_set(splits["val"]),
            class_names=tuple(Flowers102.classes),
            notes=(
                f"photographs are cropped to their central square and resized to {size}",
                f"the official splits train and test are trained on, val ({held_out} images) is held out",
            ),
        )

    def _load(self, path: Path) -> NDArray[np.uint8]:
        """Reads one photograph, shape (3, image_size, image_size)."""
        try:
            with Image.open(path) as file:
                side = min(file.size)
                left, top = (file.width - side) // 2, (file.height - side) // 2
                square = file.convert("RGB").crop((left, top, left + side, top + side))
        except Exception as error:  # missing, or whatever Pillow's decoder raises
            raise damaged(path, self.advice, shortened(error)) from error
        resized = square.resize((self.image_size, self.image_size), Image.Resampling.BICUBIC)
        return np.asarray(resized).transpose(2, 0, 1)


def _image_set(*datasets: Flowers102) -> ImageSet:
    # Decoding releases the interpreter's lock.
    with ThreadPoolExecutor() as pool:
        items = list(chain.from_iterable(pool.map(dataset.__getitem__, range(len(dataset))) for dataset in datasets))
    images = torch.from_numpy(np.stack([image for image, _ in items]))
    return ImageSet(images, torch.tensor([label for _, label in items], dtype=torch.int64))
