"""MNIST and Fashion-MNIST: grey images in the idx format."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Self

from torch import Tensor
from torchvision.datasets import MNIST, FashionMNIST
from torchvision.datasets.mnist import read_image_file, read_label_file

from priorkit.interfaces import ImageData, ImageSet
from priorkit_plugins.torchvision_datasets.archive import Archive, damaged, shortened

__all__ = ["IdxArchive"]


class IdxArchive(Archive):
    """A data set in the four files of MNIST, `ROOT/FOLDER/raw/train-images-idx3-ubyte` and so on.

    The 60,000 training images are trained on, the 10,000 test images held out.

    Args:
        title: The data set's name.
        dataset: torchvision's class, whose name is that of the folder.
        class_names: The classes' names.
    """

    def __init__(self, title: str, dataset: type[MNIST], class_names: Sequence[str]) -> None:
        self.title = title
        self.advice = f"get these files from {dataset.mirrors[0]} and unpack them there"
        self._dataset = dataset
        self._class_names = tuple(class_names)

    @classmethod
    def mnist(cls) -> Self:
        """MNIST."""
        return cls("MNIST", MNIST, [str(digit) for digit in range(10)])

    @classmethod
    def fashion_mnist(cls) -> Self:
        """Fashion-MNIST."""
        return cls("Fashion-MNIST", FashionMNIST, FashionMNIST.classes)

    def files(self, root: Path) -> list[Path]:
        """Images and labels to train on, then those held out."""
        names = [f"{split}-{kind}-ubyte" for split in ("train", "t10k") for kind in ("images-idx3", "labels-idx1")]
        return [root / self._dataset.__name__ / "raw" / name for name in names]

    def download(self, root: Path) -> None:
        """Downloads the files, or unpacks those that exist with the ending .gz."""
        self._dataset(root, download=True)

    def read(self, root: Path) -> ImageData:
        """Reads the files."""
        train_images, train_labels, test_images, test_labels = self.files(root)
        return ImageData(
            train=self._read_set(train_images, train_labels),
            test=self._read_set(test_images, test_labels),
            class_names=self._class_names,
        )

    def _read_set(self, images_path: Path, labels_path: Path) -> ImageSet:
        images = self._read_file(read_image_file, images_path).unsqueeze(1)
        labels = self._read_file(read_label_file, labels_path)
        if len(images) != len(labels):
            reason = f"it has {len(labels)} labels for {len(images)} images"
            raise damaged(labels_path, self.advice, reason)
        return ImageSet(images, labels)

    def _read_file(self, read: Callable[[str], Tensor], path: Path) -> Tensor:
        try:
            return read(str(path))
        except Exception as error:  # the reader checks by assertions, views and look-ups
            raise damaged(path, self.advice, f"it is not a complete idx file; {shortened(error)}") from error
