"""New run folders, which are whole or not there."""

import secrets
import shutil
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from priorkit.errors import RunFolderError

__all__ = ["FolderTakenError", "is_free", "make_folder"]

_DRAFT = ".draft-"
_SAMPLES = "samples"


class FolderTakenError(RunFolderError):
    """A new run cannot have this folder, because there is something in it."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"{str(path)!r} exists already and is left as it is: go on with it by "
            f"`priorkit train --resume {path}`, or name another folder with --out"
        )


def is_free(path: Path) -> bool:
    """Whether a new run can have a path: nothing is there, or an empty folder, or what `make_folder` has left of one.

    Raises:
        OSError: The path cannot be looked at.
    """
    if not path.exists() and not path.is_symlink():
        return True
    return path.is_dir() and (not any(path.iterdir()) or _is_half_made(path))


def _is_half_made(path: Path) -> bool:
    """Whether a folder holds what a process that was killed in `make_folder` has left, and nothing else."""
    entries = list(path.iterdir())
    drafts = [entry for entry in entries if entry.name.startswith(_DRAFT) and entry.is_dir()]
    others = [entry for entry in entries if entry not in drafts and entry.name != "config.toml"]
    return bool(drafts) and all(entry.name == _SAMPLES and not any(entry.iterdir()) for entry in others)


def make_folder(path: Path, files: Mapping[str, str]) -> None:
    """Makes a run folder with its first files and the folder of samples.

    Where nothing has the path, the folder appears with all that is in it. An empty folder, which the user has made, is
    filled: the last of the files appears last, and without it no folder is taken for a run.

    Args:
        path: The folder.
        files: Texts by name of the file.

    Raises:
        FolderTakenError: Another process has made it.
        OSError: It cannot be made; nothing of it is left then.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    number = secrets.token_hex(4)
    if path.exists():
        _fill(path, path / f"{_DRAFT}{number}", files)
        return
    draft = path.with_name(f".{path.name}{_DRAFT}{number}")
    try:
        draft.mkdir()
        (draft / _SAMPLES).mkdir()
        for name, text in files.items():
            (draft / name).write_text(text, encoding="utf-8")
        try:
            draft.rename(path)
        except OSError as error:
            if path.exists():
                raise FolderTakenError(path) from None
            raise error
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise


def _fill(path: Path, draft: Path, files: Mapping[str, str]) -> None:
    if _is_half_made(path):
        for entry in path.iterdir():
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
    made: list[Path] = []
    try:
        draft.mkdir()
        try:
            # Of processes that start together, one alone can make this: the folder is its.
            (path / _SAMPLES).mkdir()
        except FileExistsError:
            raise FolderTakenError(path) from None
        made.append(path / _SAMPLES)
        for name, text in files.items():
            (draft / name).write_text(text, encoding="utf-8")
        for name in files:
            made.append(path / name)
            (draft / name).rename(path / name)
        draft.rmdir()
    except BaseException:
        for entry in reversed(made):
            with suppress(OSError):
                entry.rmdir() if entry.is_dir() else entry.unlink()
        shutil.rmtree(draft, ignore_errors=True)
        raise
