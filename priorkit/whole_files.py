"""Files that appear whole or not at all, and that are never written through a link."""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path
from typing import IO

__all__ = ["open_regular", "read_regular", "refuse_link", "sync", "whole_file", "write_whole"]


@contextmanager
def whole_file(path: Path, *, durable: bool = False) -> Iterator[IO[bytes]]:
    """Opens a draft beside a file, which takes the file's place once it is written.

    A link that has the file's name is replaced, and what it points to stays as it is. If writing fails, an earlier file
    stays in place and the draft goes.

    Args:
        path: The file.
        durable: Whether the operating system must have written it to the disk before it takes its place.

    Raises:
        OSError: It cannot be written.
    """
    draft = path.with_name(f".{path.name}.draft")
    # What a killed process has left, or a link that somebody has put there.
    draft.unlink(missing_ok=True)
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
