"""The files of a run on the Hugging Face hub."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from priorkit.runs.sharing.hub_address import HubAddress
from priorkit.runs.sharing.hub_client import HubError, hub_answers, hub_api
from priorkit.runs.sharing.shared_files import is_of_run

__all__ = ["HubFiles"]

_TIMEOUT = 10.0
"""Seconds to wait for the hub's list of a repository's files."""


class HubFiles:
    """The files of a run in one commit of a repository; other files of the repository are ignored.

    Args:
        address: The repository.

    Attributes:
        commit: The commit.
        sizes: The files' sizes in bytes by name, according to the hub.

    Raises:
        MissingExtraError: huggingface_hub is not installed.
        HubError: The hub does not answer, or has no such repository.
    """

    def __init__(self, address: HubAddress) -> None:
        self.address = address
        self._api = hub_api()
        with hub_answers(self._api, self.name):
            found = self._api.model_info(
                address.repository, revision=address.revision, files_metadata=True, timeout=_TIMEOUT
            )
        if not found.sha:
            raise HubError(f"{self.name}: the hub names no commit: is HF_ENDPOINT one of a hub?")
        self.commit: str = found.sha
        # priorkit never pushes a state.pt, so a file of this name is not priorkit's.
        self.sizes: Mapping[str, int] = {
            file.rfilename: file.size or 0
            for file in found.siblings or ()
            if is_of_run(file.rfilename) and not file.rfilename.endswith(".pt")
        }

    @property
    def name(self) -> str:
        """The address in quotes, for messages."""
        return repr(str(self.address))

    def copy(self, name: str, folder: Path) -> None:
        """Downloads a file into a folder, under its name; keeps no more bytes than the hub has announced."""
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=folder, prefix=".download-") as parent:
            with hub_answers(self._api, f"{self.name}, {name}"):
                self._require_size(name, self._size_to_come(name))
                found = Path(
                    self._api.hf_hub_download(
                        self.address.repository, name, revision=self.commit, local_dir=parent, etag_timeout=_TIMEOUT
                    )
                )
            if found.is_symlink():
                raise HubError(f"{self.name}, {name}: the download is a link, not a file; try again")
            self._require_size(name, found.stat().st_size)
            shutil.move(found, target)

    def _size_to_come(self, name: str) -> int | None:
        """Returns the size of a download in bytes before it starts, if the server says."""
        from huggingface_hub import hf_hub_url

        url = hf_hub_url(self.address.repository, name, revision=self.commit, endpoint=self._api.endpoint)
        return self._api.get_hf_file_metadata(url=url, timeout=_TIMEOUT).size

    def _require_size(self, name: str, size: int | None) -> None:
        if size not in (None, self.sizes[name]):
            raise HubError(f"{self.name}, {name}: got {size} bytes, but {self.sizes[name]} were announced; try again")
