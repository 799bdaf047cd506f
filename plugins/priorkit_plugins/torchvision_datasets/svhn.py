"""SVHN: RGB digits in MATLAB files."""

from pathlib import Path

import numpy as np
import torch
from torchvision.datasets import SVHN

from priorkit.interfaces import ImageData, ImageSet
from priorkit_plugins.torchvision_datasets.archive import Archive, damaged, shortened

__all__ = ["SvhnArchive"]


class SvhnArchive(Archive):
    """SVHN's cropped digits in `ROOT/svhn/train_32x32.mat` and `test_32x32.mat`.

    The 73,257 training images are trained on, the 26,032 test images held out; the 531,131 extra images are not used.
    """

    title = "SVHN"
    advice = "get train_32x32.mat and test_32x32.mat from http://ufldl.stanford.edu/housenumbers/"

    def files(self, root: Path) -> list[Path]:
        """The training and the test file."""
        return [root / "svhn" / SVHN.split_list[split][1] for split in ("train", "test")]

    def download(self, root: Path) -> None:
        """Downloads both files."""
        for split in ("train", "test"):
            SVHN(root / "svhn", split=split, download=True)

    def read(self, root: Path) -> ImageData:
        """Reads both files."""
        train, test = self.files(root)
        return ImageData(
            train=self._read_split(train, "train"),
            test=self._read_split(test, "test"),
            class_names=tuple(str(digit) for digit in range(10)),
        )

    def _read_split(self, path: Path, split: str) -> ImageSet:
        try:
            dataset = SVHN(path.parent, split=split)
            images = torch.from_numpy(np.ascontiguousarray(dataset.data))
            return ImageSet(images, torch.from_numpy(dataset.labels))
        except Exception as error:  # a wrong checksum, or whatever scipy raises on a broken file
            raise damaged(path, self.advice, shortened(error)) from error
