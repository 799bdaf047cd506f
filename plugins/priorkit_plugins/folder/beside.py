"""Files that belong to the images of a folder: captions and embeddings."""

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
    """Settings of the captions and embeddings to read with the images.

    Attributes:
        captions: Whether to read captions, if there are any.
        captionless: What to do if some images have no captions.
        caption_key: The key of captions in lists.
        embeddings: A folder below the data set's folder, with `NAME.npy` at the relative path of `NAME.png`, or None
            for no embeddings. `.` is the data set's folder itself.
    """

    captions: bool = True
    captionless: Captionless = "refuse"
    caption_key: str = "text"
    embeddings: str | None = None

    def read_captions(self, files: Files, notes: list[str]) -> tuple[NDArray[np.int64], Captions | None]:
        """Reads the captions of images.

        Args:
            files: The images.
            notes: Notes for the user, to which more are added.

        Returns:
            The indices of the images to use, all or those with captions; and their captions, if any.

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
        """Reads the embeddings of images, float32 (N, dim), if requested.

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
