"""CIFAR-10: RGB images in pickled batches."""

from pathlib import Path

import torch
from torchvision.datasets import CIFAR10
from torchvision.datasets.utils import check_integrity

from priorkit.interfaces import ImageData, ImageSet
from priorkit_plugins.torchvision_datasets.archive import Archive, damaged, shortened

__all__ = ["CifarArchive"]


class CifarArchive(Archive):
    """CIFAR-10 in `ROOT/cifar-10-batches-py`.

    The 50,000 training images are trained on, the 10,000 test images held out. torchvision checks the files' checksums
    before it unpickles them.
    """

    title = "CIFAR-10"
    advice = f"get {CIFAR10.url} and unpack it there"

    def files(self, root: Path) -> list[Path]:
        """The five training batches, the test batch and the names of the classes."""
        return list(self._checksums(root))

    def download(self, root: Path) -> None:
        """Downloads and unpacks the archive."""
        CIFAR10(root, download=True)

    def read(self, root: Path) -> ImageData:
        """Reads the batches."""
        try:
            train, test = CIFAR10(root, train=True), CIFAR10(root, train=False)
            return ImageData(train=_image_set(train), test=_image_set(test), class_names=tuple(train.classes))
        except Exception as error:
            for path, checksum in self._checksums(root).items():
                if not check_integrity(path, checksum):
                    raise damaged(path, self.advice) from error
            raise damaged(root / CIFAR10.base_folder, self.advice, shortened(error)) from error

    def _checksums(self, root: Path) -> dict[Path, str | None]:
        meta = [CIFAR10.meta["filename"], CIFAR10.meta["md5"]]
        files = [*CIFAR10.train_list, *CIFAR10.test_list, meta]
        return {root / CIFAR10.base_folder / name: checksum for name, checksum in files}


def _image_set(dataset: CIFAR10) -> ImageSet:
    # torchvision's array is (N, H, W, C).
    images = torch.from_numpy(dataset.data).permute(0, 3, 1, 2).contiguous()
    return ImageSet(images, torch.tensor(dataset.targets, dtype=torch.int64))
