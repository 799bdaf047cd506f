"""What the data sets of this plug-in have in common: files in a folder, which torchvision reads and downloads."""

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
        advice: Where to get the files and what to do with them, as an imperative.
    """

    title: str
    advice: str

    @abc.abstractmethod
    def files(self, root: Path) -> list[Path]:
        """The files (or folders) that `read` needs."""

    @abc.abstractmethod
    def download(self, root: Path) -> None:
        """Downloads and unpacks what is missing. Raises whatever torchvision raises."""

    @abc.abstractmethod
    def read(self, root: Path) -> ImageData:
        """Reads the images; all `files` exist.

        Raises:
            DataError: A file is damaged.
        """


def damaged(what: Path | str, advice: str, reason: str = "its checksum is not the official one") -> DataError:
    """The error for a file that is there but cannot be used."""
    return DataError(f"{what} is damaged ({reason}): delete it, then let it be downloaded again, or {advice}")


def shortened(error: Exception) -> str:
    """An exception's message on one line of at most 300 characters."""
    return textwrap.shorten(f"{type(error).__name__}: {error}", 300, placeholder="...")
