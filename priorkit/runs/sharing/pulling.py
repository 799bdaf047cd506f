"""Downloads runs from the Hugging Face hub."""

import re
from pathlib import Path

from priorkit.evaluation.extractors import cache_folder
from priorkit.runs.file_lock import file_lock
from priorkit.runs.folder import explained_os_errors
from priorkit.runs.sharing.hub_address import HubAddress
from priorkit.runs.sharing.hub_client import HubError, hub_api
from priorkit.runs.sharing.hub_files import HubFiles
from priorkit.runs.sharing.receiving import free_path, receive

__all__ = ["cached_run", "pull"]

_COMMIT = re.compile("[0-9a-f]{40}")


def pull(address: str, out: str | Path | None = None) -> Path:
    """Downloads a run from the Hugging Face hub, with the same checks as `unpack`: nothing in it is executed.

    Args:
        address: `hf://user/name` or `hf://user/name@revision`; the revision is a branch, a tag or a commit.
        out: The run folder to make, which must not exist yet; by default `runs/name`.

    Returns:
        The run folder.

    Raises:
        MissingExtraError: huggingface_hub is not installed.
        ConfigurationError: The address is invalid.
        RunFolderError: The hub does not answer, or has no such repository; the repository does not hold a run, or the
            run is damaged, or exceeds memory or disk; or the folder already exists or cannot be written.
    """
    parsed = HubAddress.parse(address)
    path = free_path(Path(out) if out is not None else Path("runs") / parsed.repository.rpartition("/")[2])
    return receive(HubFiles(parsed), path).path


def cached_run(address: str) -> Path:
    """Returns the folder of a run on the hub in priorkit's cache; downloads each commit of the run once.

    Raises:
        MissingExtraError: huggingface_hub is not installed.
        RunFolderError: The run cannot be downloaded, as for `pull`.
    """
    parsed = HubAddress.parse(address)
    if parsed.revision is not None and _COMMIT.fullmatch(parsed.revision):
        # A commit never changes, so the hub need not be asked.
        kept = _place(parsed.repository, parsed.revision)
        if kept.is_dir():
            return kept
    files = HubFiles(parsed)
    if not _COMMIT.fullmatch(files.commit):
        raise HubError(f"{files.name}: the hub names no commit ({files.commit!r}): is HF_ENDPOINT one of a hub?")
    path = _place(parsed.repository, files.commit)
    with explained_os_errors("write priorkit's cache", None):
        path.parent.mkdir(parents=True, exist_ok=True)
        alone = file_lock(path.with_name(f".{path.name}.lock"))
        with alone:
            return path if path.is_dir() else receive(files, path).path


def _place(repository: str, commit: str) -> Path:
    # Another hub may have a different repository of the same name.
    host = re.sub(r"[^A-Za-z0-9.-]+", "-", hub_api().endpoint.partition("://")[2]) or "hub"
    return cache_folder() / "runs" / host / repository.replace("/", "--") / commit
