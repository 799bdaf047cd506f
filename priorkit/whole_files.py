"""Writes files atomically and never through a link; reads only regular files."""

import errno
import os
import re
import secrets
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import BufferedReader
from pathlib import Path
from typing import IO

__all__ = ["drafts_of", "open_regular", "read_regular", "refuse_link", "sync", "whole_file", "write_whole"]

_LEFT_BEHIND = 24 * 3600.0
"""Seconds after which a draft counts as left by a killed process."""


@contextmanager
def whole_file(path: Path, *, durable: bool = False) -> Iterator[IO[bytes]]:
    """Opens a draft beside a file; the draft replaces the file when it is complete.

    A link with the file's name is replaced, and its target is not changed. If writing fails, an earlier file stays in
    place and the draft is removed. If several processes write the same file, each has its own draft, and the last file
    stays.

    Args:
        path: The file.
        durable: Whether the draft must be on the disk before it replaces the file.

    Raises:
        OSError: The file cannot be written.
    """
    _remove_old_drafts(path)
    draft = path.with_name(f".{path.name}.draft-{secrets.token_hex(4)}")
    try:
        # Created exclusively, so that a link that appears at this moment is not followed.
        with _naming(path), draft.open("xb") as file:
            yield file
            if durable:
                file.flush()
                os.fsync(file.fileno())
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def drafts_of(path: Path) -> list[Path]:
    """Returns the drafts beside a file: of processes that are writing it, or that were killed.

    Raises:
        OSError: The folder cannot be read.
    """
    # Earlier versions named drafts without a random part, where somebody may have put a link.
    named = re.compile(rf"\.{re.escape(path.name)}\.draft(-[0-9a-f]{{8}})?")
    return [entry for entry in path.parent.iterdir() if named.fullmatch(entry.name)]


def _remove_old_drafts(path: Path) -> None:
    # A folder that cannot be listed may still be writable.
    with suppress(OSError):
        for draft in drafts_of(path):
            if draft.suffix == ".draft" or time.time() - draft.lstat().st_mtime > _LEFT_BEHIND:
                draft.unlink(missing_ok=True)


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Adds the file's name to errors without one: on a full disk, the error of writing names no file."""
    try:
        yield
    except OSError as error:
        if error.filename is None and error.errno is not None:
            error.filename = str(path)
        raise


def write_whole(path: Path, content: str | bytes, *, durable: bool = False) -> None:
    """Writes a file like `whole_file`; text is encoded as UTF-8.

    Raises:
        OSError: The file cannot be written.
    """
    with whole_file(path, durable=durable) as file:
        file.write(content.encode() if isinstance(content, str) else content)


def open_regular(path: Path) -> BufferedReader:
    """Opens a regular file for reading. A pipe or a device is refused, because reading it might never end.

    Raises:
        OSError: The file cannot be read, or is not a regular file.
    """
    # Does not wait for a process that would write into a pipe.
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "it is not a regular file", str(path))
    return open(descriptor, "rb")  # noqa: PTH123


def read_regular(path: Path) -> bytes:
    """Reads the content of a regular file.

    Raises:
        OSError: The file cannot be read, or is not a regular file.
    """
    with open_regular(path) as file:
        return file.read()


def sync(path: Path) -> None:
    """Makes the operating system write a file, or a folder's entries, to the disk now."""
    if os.name == "nt" and path.is_dir():
        return  # Windows cannot do this for folders
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def refuse_link(path: Path) -> None:
    """Checks that a path is not a symbolic link, before anything is written below it.

    Raises:
        OSError: The path is a symbolic link (`errno.ELOOP`).
    """
    if path.is_symlink():
        raise OSError(errno.ELOOP, "it is a link, through which nothing is written", str(path))
