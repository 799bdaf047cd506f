"""Errors for run folders that are removed or renamed while in use."""

import errno
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from priorkit.errors import RunFolderError

__all__ = ["noticing_removal"]


@contextmanager
def noticing_removal(
    where: Callable[[], Path | None], what: str = "run folder", resume: str = "priorkit train --resume"
) -> Iterator[None]:
    """Replaces errors that a removed folder has caused by an error that says so.

    Args:
        where: Returns the folder; None while it does not exist yet.
        what: The kind of folder, for the message.
        resume: The command that resumes it.

    Raises:
        RunFolderError: An error occurred inside, and the folder, or a part of it, is missing.
    """
    try:
        yield
    except (OSError, RunFolderError) as error:
        path, reason = where(), error if isinstance(error, OSError) else error.__cause__
        missing = isinstance(reason, OSError) and reason.errno == errno.ENOENT
        if path is None or (not missing and (path / "config.toml").exists()):
            raise
        raise RunFolderError(
            f"the {what} {str(path)!r} has been removed or renamed while it was used, so nothing can be written there "
            f"any more; if it was renamed, resume it with `{resume}` and its new name, otherwise give the command again"
        ) from error
