"""Packed runs: zip archives of a run's files, under their names in the run folder."""

import stat
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from priorkit.errors import RunFolderError
from priorkit.plugins import BROKEN_FILE_ERRORS
from priorkit.runs.folder import explained_os_errors
from priorkit.runs.sharing.shared_files import is_of_run
from priorkit.whole_files import open_regular, whole_file

__all__ = ["PackedFiles", "is_packed", "open_packed", "write_packed"]

_BLOCK = 2**20
_EPOCH = (1980, 1, 1, 0, 0, 0)
"""The time of all files, so that the same run gives the same archive: the earliest time that zip archives can store."""
_STORED = (".safetensors", ".pt", ".png")
"""Endings of files that compression hardly makes smaller."""
_FOLDERS = ("samples/", "checkpoints/", "checkpoints/step-")


def is_packed(path: Path) -> bool:
    """Whether a path is a zip archive."""
    try:
        with open_regular(path) as file:
            return file.read(4) == b"PK\x03\x04"
    except OSError:
        return False


def write_packed(contents: Mapping[str, bytes | Path], out: Path) -> None:
    """Writes an archive atomically.

    Args:
        contents: Each file's content, or the path of a file with this content, by its name in the archive.
        out: The archive.

    Raises:
        OSError: A file cannot be read, or the archive cannot be written.
    """
    with whole_file(out) as file, zipfile.ZipFile(file, "w") as archive:
        for name, content in contents.items():
            about = zipfile.ZipInfo(name, _EPOCH)
            about.external_attr = (stat.S_IFREG | 0o644) << 16
            about.compress_type = zipfile.ZIP_STORED if name.endswith(_STORED) else zipfile.ZIP_DEFLATED
            if isinstance(content, bytes):
                archive.writestr(about, content)
                continue
            with open_regular(content) as source:
                # The size tells zipfile whether the entry needs the format for large files.
                about.file_size = content.stat().st_size
                with archive.open(about, "w") as target:
                    while block := source.read(_BLOCK):
                        target.write(block)


class PackedFiles:
    """The files in an archive from an untrusted source.

    Args:
        path: The archive's path, for messages.
        archive: The opened archive.

    Raises:
        RunFolderError: An entry is not a file of a run.
    """

    def __init__(self, path: Path, archive: zipfile.ZipFile) -> None:
        self.path = path
        self._archive = archive
        self._entries = self._checked()

    @property
    def name(self) -> str:
        """The archive's path in quotes, for messages."""
        return repr(str(self.path))

    @property
    def sizes(self) -> Mapping[str, int]:
        """The files' sizes in bytes by name, according to the archive."""
        return {name: entry.file_size for name, entry in self._entries.items()}

    def _checked(self) -> dict[str, zipfile.ZipInfo]:
        entries: dict[str, zipfile.ZipInfo] = {}
        for entry in self._archive.infolist():
            # The name as stored in the archive, before zipfile changes it.
            name, kind = entry.orig_filename, stat.S_IFMT(entry.external_attr >> 16)
            if name.startswith(_FOLDERS) and name.endswith("/") and ".." not in name and kind in (0, stat.S_IFDIR):
                # Folders are made for the files in them.
                continue
            if not is_of_run(name):
                raise self._refused(f"it holds {name!r}, but no file of a run has this name")
            if kind not in (0, stat.S_IFREG):
                raise self._refused(f"{name!r} in it is a link or a device, not a file")
            if entry.flag_bits & 1:
                raise self._refused(f"{name!r} in it is encrypted")
            if name in entries:
                raise self._refused(f"it holds {name!r} twice")
            entries[name] = entry
        return entries

    def _refused(self, reason: str) -> RunFolderError:
        return RunFolderError(f"cannot unpack {self.name}: {reason}; expected a file made by `priorkit pack`")

    def _blocks(self, name: str) -> Iterator[bytes]:
        """Yields the content of a file in parts, but no more than the size that the archive states."""
        left = self._entries[name].file_size
        with _reading(self.path):
            opened = self._archive.open(self._entries[name])
        with opened:
            while left:
                with _reading(self.path):
                    block = opened.read(min(_BLOCK, left))
                if not block:
                    raise self._refused(f"{name!r} in it is shorter than stated")
                left -= len(block)
                yield block

    def copy(self, name: str, folder: Path) -> None:
        """Unpacks a file into a folder, under its name."""
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("xb") as file:
            for block in self._blocks(name):
                file.write(block)


@contextmanager
def open_packed(path: Path) -> Iterator[PackedFiles]:
    """Opens a packed run.

    Raises:
        RunFolderError: The file cannot be read, is not an archive, or holds something that is not a file of a run.
    """
    with explained_os_errors("read", None):
        file = open_regular(path)
    with file:
        with _reading(path):
            archive = zipfile.ZipFile(file)
        with archive:
            yield PackedFiles(path, archive)


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Turns zipfile's errors inside this context into an error that the archive is damaged."""
    try:
        yield
    except RunFolderError:
        raise
    except BROKEN_FILE_ERRORS as error:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise RunFolderError(
            f"cannot read the packed run {str(path)!r}: {reason}; it is damaged or incomplete: get it again"
        ) from None
