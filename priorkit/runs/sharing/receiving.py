"""Makes a run folder of shared files, which appears whole and checked, or not at all."""

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
    """A path that a received run can have.

    Raises:
        RunFolderError: There is something at that path already, even an empty folder.
    """
    with explained_os_errors("look at", None):
        if out.exists() or out.is_symlink():
            raise RunFolderError(f"{str(out)!r} already exists and is left as it is: name another folder with --out")
    return out


def receive(files: SharedFiles, out: Path) -> RunFolder:
    """Writes shared files into a new run folder, and its report anew. Nothing in them is executed.

    Args:
        files: The files.
        out: The folder, which must not be there yet.

    Raises:
        RunFolderError: The files are no run, too large, damaged, or of a newer version; or the folder is there already
            or cannot be written. Nothing is left then.
    """
    free_path(out)
    with explained_os_errors("write the run", None):
        out.parent.mkdir(parents=True, exist_ok=True)
        room = shutil.disk_usage(out.parent).free
    # A report may hold any script: whoever opens one in a browser gets one that is written here.
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
            f"{name} holds no run that can be used: no report can be made of it ({type(error).__name__})"
        ) from None


def _check(draft: Path, name: str) -> None:
    """Makes sure that a folder can be read as a run: format, settings and checksums, but not whether plug-ins are here.

    Raises:
        RunFolderError: It cannot.
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
        # The draft has a name that nobody has given.
        text = str(error).replace(f"{draft}/", "").replace(str(draft), name)
        raise RunFolderError(f"{name} holds no run that can be used: {text}") from None
