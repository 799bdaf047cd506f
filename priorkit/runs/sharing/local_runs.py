"""Finds a named run on this machine, and describes runs wherever they are."""

import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from priorkit.errors import RunFolderError
from priorkit.registry import Registry, installed_plugins
from priorkit.runs.folder import RunFolder
from priorkit.runs.sharing.description import RunDescription, describe_files
from priorkit.runs.sharing.folder_files import FolderFiles
from priorkit.runs.sharing.hub_address import HubAddress
from priorkit.runs.sharing.hub_files import HubFiles
from priorkit.runs.sharing.packed_files import is_packed, open_packed
from priorkit.runs.sharing.pulling import cached_run
from priorkit.runs.sharing.shared_files import SharedFiles

__all__ = ["describe_run", "local_run"]


def local_run(source: str | Path) -> Path:
    """Returns the folder of a run, after downloading a run on the hub into priorkit's cache.

    Args:
        source: A run folder, or `hf://user/name[@revision]`.

    Raises:
        RunFolderError: The source is a packed run, which must be unpacked first; or the hub has no such run.
        MissingExtraError: The run is on the hub, and huggingface_hub is not installed.
    """
    if HubAddress.is_one(source):
        return cached_run(str(source))
    path = Path(source)
    if path.is_file() and is_packed(path):
        raise RunFolderError(
            f"{str(path)!r} is a packed run: unpack it first with priorkit unpack {shlex.quote(str(path))}"
        )
    return path


def describe_run(source: str | Path, *, registry: Registry | None = None) -> RunDescription:
    """Describes a run from its files, without loading its weights or any plug-in.

    Args:
        source: A run folder, a packed run, or `hf://user/name[@revision]`.
        registry: The plug-ins that count as installed; those that are installed if None.

    Raises:
        RunFolderError: There is no run, or the run is damaged, of a newer version, or cannot be reached.
        MissingExtraError: The run is on the hub, and huggingface_hub is not installed.

    Examples:
        >>> from priorkit.runs import describe_run
        >>> description = describe_run("runs/first")
        >>> description.prior, description.dataset, description.phases
        ('learned', 'digits', ('autoencoder', 'code-matching', 'prior-improvement'))
    """
    with _files_of(source) as files:
        return describe_files(files, installed_plugins() if registry is None else registry)


@contextmanager
def _files_of(source: str | Path) -> Iterator[SharedFiles]:
    """Yields the files of a run: in a folder, packed, or on the hub."""
    if HubAddress.is_one(source):
        yield HubFiles(HubAddress.parse(str(source)))
    elif Path(source).is_file():
        with open_packed(Path(source)) as files:
            yield files
    else:
        yield FolderFiles(RunFolder.open(Path(source)))
