"""The files of a run folder, as shared files."""

import shutil
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

from priorkit.runs.folder import RunFolder, explained_os_errors
from priorkit.runs.sharing.shared_files import is_of_run
from priorkit.whole_files import open_regular

__all__ = ["FolderFiles"]


class FolderFiles:
    """The files of a run folder that may be shared.

    Args:
        folder: The run folder.
    """

    def __init__(self, folder: RunFolder) -> None:
        self.folder = folder

    @property
    def name(self) -> str:
        """The folder's path in quotes, for messages."""
        return repr(str(self.folder.path))

    @cached_property
    def sizes(self) -> Mapping[str, int]:
        """The files' sizes in bytes by name."""
        root = self.folder.path
        with explained_os_errors("look at", None):
            found = {path.relative_to(root).as_posix(): path for path in root.rglob("*") if path.is_file()}
            return {name: path.stat().st_size for name, path in sorted(found.items()) if is_of_run(name)}

    def copy(self, name: str, folder: Path) -> None:
        """Copies a file into a folder, under its name."""
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        with explained_os_errors("read", None):
            source = open_regular(self.folder.path / name)
        with source, target.open("xb") as file:
            shutil.copyfileobj(source, file)
