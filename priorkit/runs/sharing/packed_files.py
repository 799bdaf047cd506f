"""Packed runs: zip archives with the files of a run under the names that they have in its folder."""

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
"""The time of every file, the earliest that an archive knows: the same run gives the same bytes."""
_STORED = (".safetensors", ".pt", ".png")
"""What compressing makes hardly smaller."""
_FOLDERS = ("samples/", "checkpoints/", "checkpoints/step-")


def is_packed(path: Path) -> bool:
    """Whether there is a zip archive at a path."""
    try:
        with open_regular(path) as file:
            return file.read(4) == b"PK\x03\x04"
    except OSError:
        return False


def write_packed(contents: Mapping[str, bytes | Path], out: Path) -> None:
    """Writes an archive, which appears whole or not at all.

    Args:
        contents: Each file's content, or where it lies, by the name that it gets.
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
                # By its size, the archive knows whether it needs the form for large files.
                about.file_size = content.stat().st_size
                with archive.open(about, "w") as target:
                    while block := source.read(_BLOCK):
                        target.write(block)


class PackedFiles:
    """The files in an archive; nothing in it is trusted.

    Args:
        path: The archive, for messages.
        archive: It, opened.

    Raises:
        RunFolderError: An entry of it is no file of a run.
    """

    def __init__(self, path: Path, archive: zipfile.ZipFile) -> None:
        self.path = path
        self._archive = archive
        self._entries = self._checked()

    @property
    def name(self) -> str:
        """The archive, in quotes."""
        return repr(str(self.path))

    @property
    def sizes(self) -> Mapping[str, int]:
        """Their sizes in bytes by name, as the archive says."""
        return {name: entry.file_size for name, entry in self._entries.items()}

    def _checked(self) -> dict[str, zipfile.ZipInfo]:
        entries: dict[str, zipfile.ZipInfo] = {}
        for entry in self._archive.infolist():
            # What the archive says, before zipfile makes a path of it.
            name, kind = entry.orig_filename, stat.S_IFMT(entry.external_attr >> 16)
            if name.startswith(_FOLDERS) and name.endswith("/") and ".." not in name and kind in (0, stat.S_IFDIR):
                # Folders are made for what lies in them.
                continue
            if not is_of_run(name):
                raise self._refused(f"it holds {name!r}, and no file of a run is called so")
            if kind not in (0, stat.S_IFREG):
                raise self._refused(f"{name!r} in it is a link or a device, and no file")
            if entry.flag_bits & 1:
                raise self._refused(f"{name!r} in it is encrypted")
            if name in entries:
                raise self._refused(f"it holds {name!r} twice")
            entries[name] = entry
        return entries

    def _refused(self, reason: str) -> RunFolderError:
        return RunFolderError(f"cannot unpack {self.name}: {reason}; expected what `priorkit pack` has made")

    def _blocks(self, name: str) -> Iterator[bytes]:
        """The content of a file in parts, no more of it than the archive has said that there is."""
        left = self._entries[name].file_size
        with _reading(self.path):
            opened = self._archive.open(self._entries[name])
        with opened:
            while left:
                with _reading(self.path):
                    block = opened.read(min(_BLOCK, left))
                if not block:
                    raise self._refused(f"{name!r} in it is shorter than it says")
                left -= len(block)
                yield block

    def copy(self, name: str, folder: Path) -> None:
        """Writes a file below a folder."""
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("xb") as file:
            for block in self._blocks(name):
                file.write(block)


@contextmanager
def open_packed(path: Path) -> Iterator[PackedFiles]:
    """Opens a packed run.

    Raises:
        RunFolderError: It cannot be read, is no archive, or holds what is no file of a run.
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
    """Inside, whatever zipfile says of an archive is that the archive is broken."""
    try:
        yield
    except RunFolderError:
        raise
    except BROKEN_FILE_ERRORS as error:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise RunFolderError(
            f"cannot read the packed run {str(path)!r}: {reason}; it is damaged or was cut: have it sent again"
        ) from None
