"""Broken files that are left out."""

from collections.abc import Mapping
from pathlib import Path

from priorkit.errors import DataError
from priorkit_plugins.folder.picture import BrokenFileError

__all__ = ["BrokenFiles", "broken_notes"]

_LISTED = 5
"""Maximal number of files listed in a message."""


class BrokenFiles(Exception):  # noqa: N818
    """Files were found to be broken while reading.

    Args:
        found: The error of each file, by its name below the folder.
    """

    def __init__(self, found: Mapping[str, BrokenFileError]) -> None:
        super().__init__(found)
        self.found = dict(found)


def broken_notes(broken: Mapping[str, BrokenFileError], count: int, root: Path) -> list[str]:
    """Notes about broken files that are left out.

    Args:
        broken: The error of each file, by its name below the folder.
        count: Number of images that are used.
        root: The folder.

    Raises:
        DataError: More images are broken than used.
    """
    if not broken:
        return []
    listed = ", ".join(list(broken)[:_LISTED]) + (", ..." if len(broken) > _LISTED else "")
    if len(broken) > count:
        first = str(next(iter(broken.values())))
        if len(broken) == 1:
            raise DataError(first)
        raise DataError(f"{len(broken)} of {count + len(broken)} images in {root} are broken ({listed}): {first}")
    files = "files are" if len(broken) > 1 else "file is"
    return [f"{len(broken)} {files} broken and left aside: {listed}"]
