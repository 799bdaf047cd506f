"""Pushes runs to the Hugging Face hub."""

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from priorkit.errors import ConfigurationError, RunFolderWarning
from priorkit.registry import installed_plugins
from priorkit.runs.folder import RunFolder
from priorkit.runs.sharing.card import CARD_MARK, model_card
from priorkit.runs.sharing.description import describe_files
from priorkit.runs.sharing.gathered_files import GatheredFiles
from priorkit.runs.sharing.gathering import gather
from priorkit.runs.sharing.hub_address import HubAddress
from priorkit.runs.sharing.hub_client import HubError, hub_answers, hub_api
from priorkit.runs.sharing.shared_checkpoint import share_checkpoint
from priorkit.runs.sharing.shared_files import CARD, is_of_run

if TYPE_CHECKING:
    from huggingface_hub import HfApi, ModelInfo

__all__ = ["push_run"]

_LARGEST_CARD = 2**20
"""Bytes of a card that may be one of priorkit's."""


def push_run(
    folder: RunFolder,
    repository: str,
    *,
    checkpoint: str = "last",
    private: bool | None = None,
    revision: str | None = None,
    message: str | None = None,
    license_name: str | None = None,
) -> str:
    """Pushes a run to the hub in one commit: configuration, weights, scores, pictures, report, and a model card.

    A card that somebody has written, or from which priorkit's mark was taken, is left as it is, which a warning says.
    Neither the data nor the optimisers' state is pushed, nor any code or pickle.

    Args:
        folder: The run.
        repository: `user/name`, or with `@branch` behind it; made if it is not there.
        checkpoint: `last`, `best`, or the name of a checkpoint's folder.
        private: Whether a repository that is made is private; if None, as the hub makes them for its user. If True,
            nothing is pushed to one that is there and public.
        revision: The branch, made if it is not there; the one behind `@`, or the main one, if None.
        message: The commit's message.
        license_name: The licence for the card, as the hub calls it (`mit`); the card names none if None.

    Returns:
        The address by which the run is loaded.

    Raises:
        MissingExtraError: huggingface_hub is not installed.
        RunFolderError: The run cannot be read, or the hub gives no answer or refuses it.
    """
    address = HubAddress.parse(repository if revision is None else f"{repository}@{revision}")
    if message is not None and not message.strip():
        raise ConfigurationError("--message is empty: say what is pushed, or leave it out")
    api = hub_api()

    def publish(found: Path) -> None:
        contents = gather(folder, found)
        described = describe_files(GatheredFiles(repr(str(folder.path)), contents), installed_plugins())
        pictures = [name for name in contents if name.startswith("samples/")]
        card = model_card(described, address.repository, pictures, license_name)
        with hub_answers(api, repr(str(address))):
            there = _made(api, address, private=private)
            pushed = dict(contents)
            if _has_card_of_others(api, address, there):
                warnings.warn(
                    f"'{address}' has a {CARD} that priorkit has not written; it is left as it is, and no card was "
                    "pushed: remove it to get one",
                    RunFolderWarning,
                    stacklevel=2,
                )
            else:
                pushed[CARD] = card.encode()
            names = [file.rfilename for file in there.siblings or ()]
            stale = [name for name in names if is_of_run(name) and name not in contents]
            api.create_commit(
                address.repository,
                _operations(pushed, stale),
                commit_message=message or f"Run {folder.path.resolve().name}, {described.steps} steps",
                revision=address.revision,
                parent_commit=there.sha,
            )

    share_checkpoint(folder, checkpoint, publish)
    return str(address)


def _made(api: "HfApi", address: HubAddress, *, private: bool | None) -> "ModelInfo":
    """What the repository holds, which is made if it is not there.

    Raises:
        HubError: It was to be private, and is there already and public.
    """
    api.create_repo(address.repository, private=private, exist_ok=True)
    if private and api.model_info(address.repository).private is not True:
        raise HubError(
            f"'{address}' is there already and public, and a private one was asked for: nothing was pushed; make it "
            "private on its page, name another repository, or leave out --private"
        )
    if address.revision is not None:
        api.create_branch(address.repository, branch=address.revision, exist_ok=True)
    found = api.model_info(address.repository, revision=address.revision, files_metadata=True)
    if not found.sha:
        # Without it, what others push meanwhile would go unnoticed.
        raise HubError(f"'{address}': the hub names no commit: is HF_ENDPOINT one of a hub?")
    return found


def _has_card_of_others(api: "HfApi", address: HubAddress, there: "ModelInfo") -> bool:
    """Whether a repository has a card that somebody has written, or has made their own."""
    card = next((file for file in there.siblings or () if file.rfilename == CARD), None)
    if card is None:
        return False
    if (card.size or 0) > _LARGEST_CARD:
        return True
    with TemporaryDirectory() as parent:
        found = api.hf_hub_download(address.repository, CARD, revision=there.sha, local_dir=parent)
        return CARD_MARK.encode() not in Path(found).read_bytes()


def _operations(contents: Mapping[str, bytes | Path], stale: Sequence[str]) -> list[Any]:
    """Adds what is pushed, and takes away what an earlier push has left: a repository holds one run."""
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete

    additions = [
        CommitOperationAdd(name, content if isinstance(content, bytes) else str(content))
        for name, content in contents.items()
    ]
    return [*additions, *(CommitOperationDelete(name) for name in stale)]
