"""Where a run that was named lies on this machine."""

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
    """The folder of a run; one on the hub is downloaded into priorkit's cache.

    Args:
        source: A run folder, or `hf://user/name[@revision]`.

    Raises:
        RunFolderError: It is a packed run, which must be unpacked first; or the hub has no such run.
        MissingExtraError: huggingface_hub, which addresses of the hub need, is not installed.
    """
    if HubAddress.is_one(source):
        return cached_run(str(source))
    path = Path(source)
    if path.is_file() and is_packed(path):
        raise RunFolderError(
            f"{str(path)!r} is a packed run: unpack it first, by priorkit unpack {shlex.quote(str(path))}"
        )
    return path


def describe_run(source: str | Path, *, registry: Registry | None = None) -> RunDescription:
    """What a run says of itself, wherever it is; neither its weights nor any plug-in is loaded.

    Args:
        source: A run folder, a packed run, or `hf://user/name[@revision]`.
        registry: What is installed here; the installed plug-ins if None.

    Raises:
        RunFolderError: There is no run, or it is damaged, of a newer version, or cannot be reached.
        MissingExtraError: huggingface_hub, which addresses of the hub need, is not installed.

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
    """The files of a run: in a folder, packed, or on the hub."""
    if HubAddress.is_one(source):
        yield HubFiles(HubAddress.parse(str(source)))
    elif Path(source).is_file():
        with open_packed(Path(source)) as files:
            yield files
    else:
        yield FolderFiles(RunFolder.open(Path(source)))
