"""New folders, which are whole or not there."""

import errno
import os
import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import Timeout

from priorkit.errors import RunFolderError
from priorkit.runs.file_lock import file_lock
from priorkit.whole_files import drafts_of, write_whole

__all__ = ["FolderTakenError", "is_free", "make_folder", "whole_folder"]

_SAMPLES = "samples"
_LOCK = ".lock"
"""Made first in a folder that is there already, so it tells what of a run was made by us from what was not."""


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
    names = {entry.name for entry in path.iterdir()}
    drafts = {draft.name for name in ("config.toml", "environment.json") for draft in drafts_of(path / name)}
    ours = {_LOCK, _SAMPLES, "config.toml", *drafts}
    if _LOCK not in names or names - ours:
        return False
    samples = path / _SAMPLES
    return not samples.exists() or (samples.is_dir() and not any(samples.iterdir()))


@contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """Makes a draft of a folder beside its path, which takes the path once all is in it.

    Args:
        path: The folder, which must not be there yet.

    Raises:
        FileExistsError: Something has taken the path meanwhile.
        OSError: It cannot be made; nothing of it is left then.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.draft-{secrets.token_hex(4)}")
    try:
        draft.mkdir()
        yield draft
        try:
            draft.rename(path)
        except OSError as error:
            if path.exists():
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path)) from None
            raise error
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise


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
    if path.exists():
        _fill(path, files)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with whole_folder(path) as draft:
            (draft / _SAMPLES).mkdir()
            for name, text in files.items():
                (draft / name).write_text(text, encoding="utf-8")
    except FileExistsError:
        raise FolderTakenError(path) from None


def _fill(path: Path, files: Mapping[str, str]) -> None:
    locked = path / _LOCK
    try:
        # Of processes that start together, one alone has the lock; it is freed when the process ends, however it ends.
        with file_lock(locked, patience=0):
            if not _is_half_made(path):
                raise FolderTakenError(path)
            made = [path / _SAMPLES]
            try:
                (path / _SAMPLES).mkdir(exist_ok=True)
                for name, text in files.items():
                    # Nobody else writes here: what lies there was left by a process that was killed.
                    for draft in drafts_of(path / name):
                        draft.unlink()
                    made.append(path / name)
                    write_whole(path / name, text)
            except BaseException:
                for entry in reversed(made):
                    with suppress(OSError):
                        entry.rmdir() if entry.is_dir() else entry.unlink()
                locked.unlink(missing_ok=True)
                raise
    except Timeout:
        raise FolderTakenError(path) from None
