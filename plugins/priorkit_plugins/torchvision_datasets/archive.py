"""The base class of this plug-in's data sets: files in a folder, which torchvision reads and downloads."""

import abc
import textwrap
from pathlib import Path

from priorkit.errors import DataError
from priorkit.interfaces import ImageData

__all__ = ["Archive", "damaged", "shortened"]


class Archive(abc.ABC):
    """One data set, as files below a root folder.

    Attributes:
        title: The data set's name.
        advice: How to get the files by hand, as an imperative.
    """

    title: str
    advice: str

    @abc.abstractmethod
    def files(self, root: Path) -> list[Path]:
        """The files (or folders) that `read` needs."""

    @abc.abstractmethod
    def download(self, root: Path) -> None:
        """Downloads and unpacks missing files. Passes torchvision's errors on."""

    @abc.abstractmethod
    def read(self, root: Path) -> ImageData:
        """Reads the images; all `files` exist.

        Raises:
            DataError: A file is damaged.
        """


def damaged(what: Path | str, advice: str, reason: str = "its checksum is not the official one") -> DataError:
    """The error for a file that exists but cannot be used."""
    return DataError(f"{what} is damaged ({reason}): delete it, then let it be downloaded again, or {advice}")


def shortened(error: Exception) -> str:
    """An exception's message on one line of at most 300 characters."""
    return textwrap.shorten(f"{type(error).__name__}: {error}", 300, placeholder="...")
