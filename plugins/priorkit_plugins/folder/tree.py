"""Walks through the folders of a data set, and records what it leaves out."""

import os
import posixpath
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from priorkit.errors import DataError

__all__ = ["EXTENSIONS", "Tree", "natural_order"]

EXTENSIONS = (".png", ".jpg", ".jpeg", ".bmp", ".webp", ".gif", ".tif", ".tiff", ".pgm", ".ppm")
"""Extensions of image files, in any case."""

_OTHER_FORMATS = (
    *(".heic", ".heif", ".avif", ".jfif", ".jpe", ".jp2", ".jxl", ".tga", ".pbm", ".pnm", ".exr", ".hdr", ".psd"),
    *(".svg", ".dcm", ".dng", ".nef", ".cr2", ".cr3", ".arw", ".orf", ".raf"),
)
"""Extensions of images in formats that are not supported."""
_OF_PROGRAMS = {
    *("@eadir", "#recycle", "@recycle", "@recently-snapshot", "#snapshot"),  # NAS: thumbnails, deleted and old files
    *("__macosx", "$recycle.bin", "system volume information", "network trash folder", "temporary items"),
    *("lost+found", "__pycache__"),
}
"""Folders that other programs create, whose names are not hidden."""


class Tree:
    """The image files and folders below a folder.

    Hidden files and folders are ignored; everything else that is left out is recorded.

    Args:
        root: The folder.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._of_programs: set[str] = set()
        self._loops: set[str] = set()
        self._broken: set[str] = set()
        self._other_formats: dict[str, Counter[str]] = {}

    def visible(self, inside: str = "") -> dict[str, bool]:
        """The names of image files and of folders in a folder, in natural order, and whether each is a folder.

        Args:
            inside: The folder's path from the root.

        Raises:
            DataError: The folder cannot be read.
        """
        found = {}
        others: Counter[str] = Counter()
        folder = self.root / inside
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    if not entry.name.startswith("."):
                        is_folder = self._is_folder(entry, inside, others)
                        if is_folder is not None:
                            found[entry.name] = is_folder
        except OSError as error:
            raise DataError(f"{folder} cannot be read ({error.strerror}): check that you may read it") from error
        if others:
            self._other_formats[inside] = others
        return {name: found[name] for name in natural_order(found)}

    def images_below(self, inside: str) -> Iterator[str]:
        """The image files of a folder and of the folders in it, as paths from the root with `/` between their parts."""
        for name, is_folder in self.visible(inside).items():
            path = posixpath.join(inside, name)
            if is_folder:
                yield from self.images_below(path)
            else:
                yield path

    def folders(self, inside: str = "") -> list[str]:
        """The names of the folders in a folder that have images, also deeper inside."""
        return [
            name
            for name, is_folder in self.visible(inside).items()
            if is_folder and next(self.images_below(posixpath.join(inside, name)), None) is not None
        ]

    def has_images(self, inside: str = "") -> bool:
        """Whether images lie directly in a folder."""
        return not all(self.visible(inside).values())

    def notes(self, count: int) -> list[str]:
        """Notes on what has been left out.

        Args:
            count: Number of images that are used.

        Raises:
            DataError: More images are left out than used.
        """
        formats = sum(self._other_formats.values(), Counter())
        notes = []
        if self._of_programs:
            notes.append(f"folders of other programs are left aside: {', '.join(sorted(self._of_programs))}")
        if self._loops:
            notes.append(f"links to a parent folder are not followed: {_some(self._loops)}")
        if self._broken:
            notes.append(f"{len(self._broken)} links to missing files are left aside: {_some(self._broken)}")
        if formats:
            listed = ", ".join(f"{number} {ending}" for ending, number in sorted(formats.items()))
            notes.append(f"images in unsupported formats are left aside: {listed}")
        if len(self._broken) > count:
            raise DataError(
                f"{len(self._broken)} of {count + len(self._broken)} images in {self.root} are links to files that are "
                f"not there ({_some(self._broken)}): mend the links, or remove them"
            )
        if formats.total() > count:
            raise DataError(
                f"{formats.total()} of {count + formats.total()} images in {self.root} have an unsupported format "
                f"({', '.join(sorted(formats))}): save them as PNG or JPEG, or move them elsewhere"
            )
        return notes

    def _is_folder(self, entry: os.DirEntry[str], inside: str, others: Counter[str]) -> bool | None:
        """Whether an entry is a folder or an image file; None if it is neither, or left out."""
        name = entry.name.lower()
        is_image = name.endswith(EXTENSIONS)
        path = posixpath.join(inside, entry.name)
        try:
            if entry.is_dir():
                if name in _OF_PROGRAMS:
                    self._of_programs.add(entry.name)
                elif entry.is_symlink() and self._leads_back(entry, inside):
                    self._loops.add(path)
                else:
                    return True
                return None
            if is_image and entry.is_file():
                return False
        except OSError:
            # A link to itself.
            if not entry.is_symlink():
                raise
        if is_image and entry.is_symlink():
            self._broken.add(path)
        elif name.endswith(_OTHER_FORMATS):
            others[posixpath.splitext(name)[1]] += 1
        return None

    def _leads_back(self, entry: os.DirEntry[str], inside: str) -> bool:
        """Whether a link points to one of its parent folders, by the path taken or by the real path."""
        target = entry.stat()
        parts = inside.split("/") if inside else []
        way = [self.root.joinpath(*parts[:depth]) for depth in range(len(parts) + 1)]
        above = Path(os.path.realpath(self.root / inside)).parents
        return any(os.path.samestat(target, folder.stat()) for folder in (*way, *above))


def _some(names: set[str]) -> str:
    first = min(names)
    return first if len(names) == 1 else f"{first}, ..."


def natural_order(names: Iterable[str]) -> list[str]:
    """Sorts naturally, `class10` after `class9`, and ignores case."""

    def key(name: str) -> str:
        # Digits sort before letters, and shorter numbers first. The key is one string: lists of parts would need much
        # memory.
        return re.sub(r"\d+", _sortable_number, name.casefold())

    return sorted(sorted(names), key=key)


def _sortable_number(digits: re.Match[str]) -> str:
    number = str(int(digits[0]))
    return f"\0{chr(len(number))}{number}"
