"""The files of a run folder, as those of a shared run."""

import shutil
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

from priorkit.runs.folder import RunFolder, explained_os_errors
from priorkit.runs.sharing.shared_files import is_of_run
from priorkit.whole_files import open_regular

__all__ = ["FolderFiles"]


class FolderFiles:
    """The files of a run folder that can be shared.

    Args:
        folder: The run.
    """

    def __init__(self, folder: RunFolder) -> None:
        self.folder = folder

    @property
    def name(self) -> str:
        """The folder, in quotes."""
        return repr(str(self.folder.path))

    @cached_property
    def sizes(self) -> Mapping[str, int]:
        """Their sizes in bytes by name."""
        root = self.folder.path
        with explained_os_errors("look at", None):
            found = {path.relative_to(root).as_posix(): path for path in root.rglob("*") if path.is_file()}
            return {name: path.stat().st_size for name, path in sorted(found.items()) if is_of_run(name)}

    def copy(self, name: str, folder: Path) -> None:
        """Writes a file below a folder."""
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        with explained_os_errors("read", None):
            source = open_regular(self.folder.path / name)
        with source, target.open("xb") as file:
            shutil.copyfileobj(source, file)
