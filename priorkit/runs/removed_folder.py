"""Folders of runs that somebody removes or renames while they are used."""

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
    """Has what fails inside because a folder is gone, or about to go, say so.

    Args:
        where: Gives the folder; None while there is none yet.
        what: What it is.
        resume: The command that goes on in it.

    Raises:
        RunFolderError: Something has failed inside, and the folder, or a part of it, is gone.
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
            f"any more; if it was renamed, go on with `{resume}` and its new name, otherwise give the command again"
        ) from error
