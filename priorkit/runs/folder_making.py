"""Creates folders atomically."""

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
"""Created first in an existing folder, to mark files that priorkit created."""


class FolderTakenError(RunFolderError):
    """A new run cannot use this folder, because it is not empty."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"{str(path)!r} already exists and is left as it is: resume it by "
            f"`priorkit train --resume {path}`, or name another folder with --out"
        )


def is_free(path: Path) -> bool:
    """Whether a new run can use a path: it is free, an empty folder, or an unfinished folder of `make_folder`.

    Raises:
        OSError: The path cannot be looked at.
    """
    if not path.exists() and not path.is_symlink():
        return True
    return path.is_dir() and (not any(path.iterdir()) or _is_half_made(path))


def _is_half_made(path: Path) -> bool:
    """Whether a folder holds nothing but the remains of a process that was killed in `make_folder`."""
    names = {entry.name for entry in path.iterdir()}
    drafts = {draft.name for name in ("config.toml", "environment.json") for draft in drafts_of(path / name)}
    ours = {_LOCK, _SAMPLES, "config.toml", *drafts}
    if _LOCK not in names or names - ours:
        return False
    samples = path / _SAMPLES
    return not samples.exists() or (samples.is_dir() and not any(samples.iterdir()))


@contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """Makes a draft folder beside the path, and renames it to the path when it is complete.

    Args:
        path: The folder, which must not exist yet.

    Raises:
        FileExistsError: Something has taken the path meanwhile.
        OSError: The folder cannot be made; no part of it is left.
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

    A new folder appears with its whole content. An empty folder made by the user is filled; the last file appears last,
    and without it a folder does not count as a run.

    Args:
        path: The folder.
        files: Texts by name of the file.

    Raises:
        FolderTakenError: Another process has made the folder.
        OSError: The folder cannot be made; no part of it is left.
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
        # If processes start together, only one holds the lock; it is released when the process ends, even if killed.
        with file_lock(locked, patience=0):
            if not _is_half_made(path):
                raise FolderTakenError(path)
            made = [path / _SAMPLES]
            try:
                (path / _SAMPLES).mkdir(exist_ok=True)
                for name, text in files.items():
                    # No other process writes here: the files are remains of a killed process.
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
