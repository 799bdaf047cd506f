"""Finds one of torchvision's data sets on disk, or has it downloaded."""

import contextlib
import socket
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from priorkit.errors import DataError
from priorkit.interfaces import DataSource, ImageData
from priorkit_plugins.torchvision_datasets.archive import Archive, shortened
from priorkit_plugins.torchvision_datasets.cifar import CifarArchive
from priorkit_plugins.torchvision_datasets.idx import IdxArchive
from priorkit_plugins.torchvision_datasets.svhn import SvhnArchive

__all__ = ["DEFAULT_ROOT", "TorchvisionSource", "archive_named"]

DEFAULT_ROOT = Path("~/.cache/priorkit/data")
"""The folder of the data sets if the user gives none."""

_TIMEOUT = 30.0
"""Seconds after which a silent server counts as unreachable."""


def archive_named(name: str) -> Archive:
    """The archive of the component `name`, for those without options."""
    match name:
        case "mnist":
            return IdxArchive.mnist()
        case "fashion-mnist":
            return IdxArchive.fashion_mnist()
        case "cifar10":
            return CifarArchive()
        case "svhn":
            return SvhnArchive()
    raise AssertionError(f"no component is called {name!r}")


class TorchvisionSource(DataSource):
    """A data set with its official split, in the layout of folders that torchvision uses.

    That is, below the root: `MNIST/raw/*-ubyte`, `FashionMNIST/raw/*-ubyte`, `cifar-10-batches-py/*`,
    `svhn/*_32x32.mat` and `flowers-102/*`.

    Args:
        archive: Which data set.
        data_dir: The root folder, which must exist; by default `DEFAULT_ROOT`, which is created when downloading.
        download: Whether to download missing files. Existing files are never replaced.
    """

    def __init__(self, archive: Archive, data_dir: Path | None = None, download: bool = True) -> None:
        self.archive = archive
        self.data_dir = data_dir
        self.download = download

    def load(self) -> ImageData:
        """Reads the images, after downloading them if they are missing.

        Raises:
            DataError: The root folder does not exist, files are missing and cannot be downloaded, or one is damaged.
        """
        root = (self.data_dir or DEFAULT_ROOT).expanduser()
        if self.data_dir is not None and not root.is_dir():
            what = "is a file" if root.exists() else "does not exist"
            raise DataError(
                f"the data folder {root} {what}: let --data-dir name an existing folder, or leave it out for "
                f"{DEFAULT_ROOT}"
            )
        missing = self._missing(root)
        failure = "downloading is off: --dataset.download true"
        if missing and self.download:
            # Children sort after their parents, and so come first here.
            new = sorted({folder for path in missing for folder in path.parents if not folder.exists()}, reverse=True)
            try:
                with _download_manners():
                    self.archive.download(root)
            except Exception as error:  # no network, no server, no space, no permission, ...
                failure = f"downloading failed, {shortened(error)}"
                _remove_empty(new)
            missing = self._missing(root)
        if missing:
            raise DataError(
                f"{self.archive.title} is missing in {root} ({failure}): there is no {', '.join(map(str, missing))}; "
                f"{self.archive.advice}, or let --data-dir name the folder that has them"
            )
        return self.archive.read(root)

    def _missing(self, root: Path) -> list[Path]:
        return [path for path in self.archive.files(root) if not path.exists()]


def _remove_empty(folders: Iterable[Path]) -> None:
    """Removes empty folders after a failed download."""
    for folder in folders:
        with contextlib.suppress(OSError):  # it is not empty, or was never made
            folder.rmdir()


@contextlib.contextmanager
def _download_manners() -> Iterator[None]:
    """Hides torchvision's progress output, and sets a timeout for silent servers."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(_TIMEOUT)
    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield
    finally:
        socket.setdefaulttimeout(before)
