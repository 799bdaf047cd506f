"""Pushes runs to the Hugging Face hub, with a model card."""

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
"""Maximal size in bytes of a card that priorkit wrote."""


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

    If the repository's card was not written by priorkit, or its mark was removed, the card stays unchanged, and a
    warning says so. Data, the optimisers' state, code and pickles are not pushed.

    Args:
        folder: The run.
        repository: `user/name` or `user/name@branch`; created if missing.
        checkpoint: `last`, `best`, or the name of a checkpoint's folder.
        private: Whether a created repository is private; if None, the hub's default for the user. If True, nothing is
            pushed to an existing public repository.
        revision: The branch, created if missing; if None, the branch in `repository`, or else the main branch.
        message: The commit's message; by default the run's name and its steps.
        license_name: The licence in the card, by its name on the hub (`mit`); None for no licence.

    Returns:
        The address for `priorkit.load_run`: `hf://user/name` or `hf://user/name@branch`.

    Raises:
        MissingExtraError: huggingface_hub is not installed.
        ConfigurationError: The repository's name or the message is invalid.
        RunFolderError: The run cannot be read, or the hub does not answer or refuses the push.
    """
    address = HubAddress.parse(repository if revision is None else f"{repository}@{revision}")
    if message is not None and not message.strip():
        raise ConfigurationError("--message is empty: describe the commit, or leave it out")
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
                    f"'{address}' has a {CARD} that priorkit has not written; it stays unchanged, and no card was "
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
    """Creates the repository if missing, and returns the hub's description of it.

    Raises:
        HubError: A private repository was requested, but the existing one is public.
    """
    api.create_repo(address.repository, private=private, exist_ok=True)
    if private and api.model_info(address.repository).private is not True:
        raise HubError(
            f"'{address}' already exists and is public, but a private one was requested: nothing was pushed; make it "
            "private on its page, name another repository, or leave out --private"
        )
    if address.revision is not None:
        api.create_branch(address.repository, branch=address.revision, exist_ok=True)
    found = api.model_info(address.repository, revision=address.revision, files_metadata=True)
    if not found.sha:
        # Without the commit, simultaneous pushes by others would go unnoticed.
        raise HubError(f"'{address}': the hub names no commit: is HF_ENDPOINT one of a hub?")
    return found


def _has_card_of_others(api: "HfApi", address: HubAddress, there: "ModelInfo") -> bool:
    """Whether a repository has a card without priorkit's mark."""
    card = next((file for file in there.siblings or () if file.rfilename == CARD), None)
    if card is None:
        return False
    if (card.size or 0) > _LARGEST_CARD:
        return True
    with TemporaryDirectory() as parent:
        found = api.hf_hub_download(address.repository, CARD, revision=there.sha, local_dir=parent)
        return CARD_MARK.encode() not in Path(found).read_bytes()


def _operations(contents: Mapping[str, bytes | Path], stale: Sequence[str]) -> list[Any]:
    """Returns a commit's operations: adding the contents, and deleting stale files, as a repository holds one run."""
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete

    additions = [
        CommitOperationAdd(name, content if isinstance(content, bytes) else str(content))
        for name, content in contents.items()
    ]
    return [*additions, *(CommitOperationDelete(name) for name in stale)]
