"""Files that appear whole or not at all, and that are never written through a link."""

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
"""Seconds after which a draft is taken for one that a killed process has left."""


@contextmanager
def whole_file(path: Path, *, durable: bool = False) -> Iterator[IO[bytes]]:
    """Opens a draft beside a file, which takes the file's place once it is written.

    A link that has the file's name is replaced, and what it points to stays as it is. If writing fails, an earlier file
    stays in place and the draft goes. Of several processes that write the same file, each has a draft of its own, and
    the last one's file stays.

    Args:
        path: The file.
        durable: Whether the operating system must have written it to the disk before it takes its place.

    Raises:
        OSError: It cannot be written.
    """
    _remove_old_drafts(path)
    draft = path.with_name(f".{path.name}.draft-{secrets.token_hex(4)}")
    try:
        # Exclusively: a link that appears in this moment is not followed.
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
    """The drafts of a file that lie beside it: of processes that write it now, or that were killed.

    Raises:
        OSError: The folder cannot be looked at.
    """
    # Without a random part, as earlier versions have called them, and as somebody may have put a link there.
    named = re.compile(rf"\.{re.escape(path.name)}\.draft(-[0-9a-f]{{8}})?")
    return [entry for entry in path.parent.iterdir() if named.fullmatch(entry.name)]


def _remove_old_drafts(path: Path) -> None:
    # Whoever cannot list the folder may be able to write into it.
    with suppress(OSError):
        for draft in drafts_of(path):
            if draft.suffix == ".draft" or time.time() - draft.lstat().st_mtime > _LEFT_BEHIND:
                draft.unlink(missing_ok=True)


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Names a file in errors that do not: on a full disk, writing says only that it is full."""
    try:
        yield
    except OSError as error:
        if error.filename is None and error.errno is not None:
            error.filename = str(path)
        raise


def write_whole(path: Path, content: str | bytes, *, durable: bool = False) -> None:
    """Writes a file, text as UTF-8, as `whole_file` does.

    Raises:
        OSError: It cannot be written.
    """
    with whole_file(path, durable=durable) as file:
        file.write(content.encode() if isinstance(content, str) else content)


def open_regular(path: Path) -> BufferedReader:
    """Opens a file to read it, if it is one: who reads a pipe waits for it, and who reads a device may read for ever.

    Raises:
        OSError: It cannot be read, or is no file.
    """
    # Not waiting for whoever would write into a pipe.
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "it is no regular file", str(path))
    return open(descriptor, "rb")  # noqa: PTH123


def read_regular(path: Path) -> bytes:
    """The content of a file, as `open_regular` opens it.

    Raises:
        OSError: It cannot be read, or is no file.
    """
    with open_regular(path) as file:
        return file.read()


def sync(path: Path) -> None:
    """Has the operating system write a file, or a folder's entries, to the disk now."""
    if os.name == "nt" and path.is_dir():
        return  # Windows has no such thing for folders
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def refuse_link(path: Path) -> None:
    """Makes sure that a path is no symbolic link, before something is written below it.

    Raises:
        OSError: It is one (`errno.ELOOP`).
    """
    if path.is_symlink():
        raise OSError(errno.ELOOP, "it is a link, through which nothing is written", str(path))
