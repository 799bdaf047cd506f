"""Explains errors of the operating system to users."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager

from priorkit.errors import RunFolderError

__all__ = ["explained_os_errors"]


@contextmanager
def explained_os_errors(doing: str, resume: str | None = "priorkit train --resume RUN") -> Iterator[None]:
    """Turns the operating system's refusals (no permission, no space) into one-line errors with the fix.

    Args:
        doing: What was being attempted, as in "cannot DOING".
        resume: The command that resumes the training; None if the same command should be repeated.

    Examples:
        >>> from pathlib import Path
        >>> from priorkit.runs import explained_os_errors
        >>> with explained_os_errors("write the table", resume=None):
        ...     Path("no/such/folder.csv").write_text("a,b")
        Traceback (most recent call last):
        ...
        priorkit.errors.RunFolderError: cannot write the table 'no/such/folder.csv': ...; choose another path
    """
    try:
        yield
    except OSError as error:
        then = "give the command again" if resume is None else f"resume with `{resume}`"
        fixes = {
            errno.ENOSPC: f"free some space, then {then}",
            errno.EDQUOT: f"your quota is used up: free some space, then {then}",
            errno.EACCES: "choose a folder that you may write to",
            errno.EPERM: "choose a folder that you may write to",
            errno.EROFS: "choose a folder that you may write to",
            errno.ENOTDIR: "a part of the path is a file; choose another path",
            errno.EEXIST: "a part of the path is a file; choose another path",
            errno.ENAMETOOLONG: "choose a shorter path",
            errno.ELOOP: "put what it points to in its place",
        }
        # Some libraries give file names as bytes.
        where = f" {os.fsdecode(error.filename)!r}" if isinstance(error.filename, str | bytes) else ""
        fix = fixes.get(error.errno or 0, "choose another path")
        raise RunFolderError(f"cannot {doing}{where}: {error.strerror or error}; {fix}") from error
