"""What lies beside the images of a folder: captions and embeddings."""

import posixpath
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from priorkit.interfaces import Captions
from priorkit_plugins.caption_files import Captionless, captioned_images
from priorkit_plugins.folder.captions import find_captions
from priorkit_plugins.folder.files import Files
from priorkit_plugins.image_vectors import read_vectors

__all__ = ["Beside"]


@dataclass(frozen=True)
class Beside:
    """What is read beside the images.

    Attributes:
        captions: Whether captions are read where there are some.
        captionless: What is done where some images have none.
        caption_key: What captions are called in lists.
        embeddings: A folder below that of the data set, with `NAME.npy` in the place where there `NAME.png` lies, or
            None where no embeddings are read. `.` is the folder of the data set itself.
    """

    captions: bool = True
    captionless: Captionless = "refuse"
    caption_key: str = "text"
    embeddings: str | None = None

    def read_captions(self, files: Files, notes: list[str]) -> tuple[NDArray[np.int64], Captions | None]:
        """Reads the captions of images.

        Args:
            files: The images.
            notes: Is added to.

        Returns:
            The indices of the images that are used, all or those with captions; and their captions, if there are some.

        Raises:
            DataError: Captions are missing or cannot be read.
        """
        found = find_captions(files, self.caption_key, notes) if self.captions else None
        if found is None:
            return np.arange(len(files)), None
        kept, more = captioned_images(found.captions, found.reason, self.captionless)
        notes += more
        return kept, Captions(found.captions[index] for index in kept)

    def read_embeddings(self, files: Files, notes: list[str]) -> Tensor | None:
        """Reads the embeddings of images, float32 (N, dim), if they are wanted.

        Raises:
            DataError: Embeddings are missing or cannot be read.
        """
        if self.embeddings is None:
            return None
        folder = files.root / self.embeddings
        names = (posixpath.splitext(files.name(index))[0] for index in range(len(files)))
        vectors, more = read_vectors((folder / f"{name}.npy" for name in names), len(files))
        notes += more
        return vectors
