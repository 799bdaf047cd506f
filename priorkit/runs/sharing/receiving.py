"""Makes a run folder from shared files; the folder appears complete and checked, or not at all."""

import shutil
from collections.abc import Iterable
from pathlib import Path

from priorkit.errors import PriorkitError, RunFolderError
from priorkit.runs.folder import RunFolder, explained_os_errors
from priorkit.runs.folder_making import whole_folder
from priorkit.runs.report import write_report
from priorkit.runs.sharing.shared_files import REPORT, SharedFiles, check_sizes

__all__ = ["free_path", "receive"]


def free_path(out: Path) -> Path:
    """Checks that a received run can use a path, and returns the path.

    Raises:
        RunFolderError: The path is in use, even by an empty folder.
    """
    with explained_os_errors("look at", None):
        if out.exists() or out.is_symlink():
            raise RunFolderError(f"{str(out)!r} already exists and is left as it is: name another folder with --out")
    return out


def receive(files: SharedFiles, out: Path) -> RunFolder:
    """Writes shared files into a new run folder, with a new report. Nothing in the files is executed.

    Args:
        files: The files.
        out: The folder, which must not exist yet.

    Raises:
        RunFolderError: The files are not a run, are too large, damaged, or of a newer version; or the folder already
            exists or cannot be written. No part of the folder is left then.
    """
    free_path(out)
    with explained_os_errors("write the run", None):
        out.parent.mkdir(parents=True, exist_ok=True)
        room = shutil.disk_usage(out.parent).free
    # A report from elsewhere may contain any script, so the report is always written here.
    names = [name for name in files.sizes if name != REPORT]
    check_sizes(files.sizes, files.name, room, names)
    with explained_os_errors("write the run", None), whole_folder(out) as draft:
        _copy(files, names, draft)
        (draft / "samples").mkdir(exist_ok=True)
        _check(draft, files.name)
        _report(draft, out, files.name)
    return RunFolder.open(out)


def _copy(files: SharedFiles, names: Iterable[str], folder: Path) -> None:
    for name in names:
        files.copy(name, folder)


def _report(draft: Path, out: Path, name: str) -> None:
    try:
        write_report(RunFolder(draft), out.absolute().name)
    except (ArithmeticError, LookupError, TypeError, ValueError) as error:
        raise RunFolderError(
            f"{name} holds no usable run: a report of it cannot be written ({type(error).__name__})"
        ) from None


def _check(draft: Path, name: str) -> None:
    """Checks that a folder can be read as a run: its format, settings and checksums, but not its plug-ins.

    Raises:
        RunFolderError: The folder cannot be read as a run.
    """
    try:
        folder = RunFolder.open(draft)
        folder.read_environment()
        folder.read_config()
        for pointer in ("last", "best"):
            if folder.checkpoints.has(pointer):
                checkpoint = folder.checkpoints.path(pointer)
                _, damage = folder.checkpoints.intact(pointer, state=(checkpoint / "state.pt").exists())
                if damage:
                    raise RunFolderError(damage)
    except PriorkitError as error:
        # The draft's path would mean nothing to the user.
        text = str(error).replace(f"{draft}/", "").replace(str(draft), name)
        raise RunFolderError(f"{name} holds no usable run: {text}") from None
