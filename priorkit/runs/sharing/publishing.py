"""Pushes runs to the Hugging Face hub."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from priorkit.errors import ConfigurationError
from priorkit.registry import installed_plugins
from priorkit.runs.folder import RunFolder
from priorkit.runs.sharing.card import model_card
from priorkit.runs.sharing.description import describe_files
from priorkit.runs.sharing.gathered_files import GatheredFiles
from priorkit.runs.sharing.gathering import gather
from priorkit.runs.sharing.hub_address import HubAddress
from priorkit.runs.sharing.hub_client import hub_answers, hub_api
from priorkit.runs.sharing.packing import find_shared
from priorkit.runs.sharing.shared_files import CARD, is_of_run

__all__ = ["push_run"]


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

    Neither the data nor the optimisers' state is pushed, nor any code or pickle.

    Args:
        folder: The run.
        repository: `user/name`, or with `@branch` behind it; made if it is not there.
        checkpoint: `last`, `best`, or the name of a checkpoint's folder.
        private: Whether a repository that is made is private; if None, as the hub makes them for its user.
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
    contents = gather(folder, find_shared(folder, checkpoint))
    described = describe_files(GatheredFiles(repr(str(folder.path)), contents), installed_plugins())
    pictures = [name for name in contents if name.startswith("samples/")]
    card = model_card(described, address.repository, pictures, license_name)
    pushed = {CARD: card.encode(), **contents}
    with hub_answers(api, repr(str(address))):
        api.create_repo(address.repository, private=private, exist_ok=True)
        if address.revision is not None:
            api.create_branch(address.repository, branch=address.revision, exist_ok=True)
        there = api.model_info(address.repository, revision=address.revision).siblings or ()
        stale = [file.rfilename for file in there if is_of_run(file.rfilename) and file.rfilename not in contents]
        api.create_commit(
            address.repository,
            _operations(pushed, stale),
            commit_message=message or f"Run {folder.path.resolve().name}, {described.steps} steps",
            revision=address.revision,
        )
    return str(address)


def _operations(contents: Mapping[str, bytes | Path], stale: Sequence[str]) -> list[Any]:
    """Adds what is pushed, and takes away what an earlier push has left: a repository holds one run."""
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete

    additions = [
        CommitOperationAdd(name, content if isinstance(content, bytes) else str(content))
        for name, content in contents.items()
    ]
    return [*additions, *(CommitOperationDelete(name) for name in stale)]
