"""How the Hugging Face hub is reached, and what its answers mean."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from priorkit.errors import MissingExtraError, PriorkitError, RunFolderError

if TYPE_CHECKING:
    from huggingface_hub import HfApi

__all__ = ["HubError", "hub_answers", "hub_api"]


class HubError(RunFolderError):
    """The hub gave no answer, or another one than was hoped for."""


def hub_api() -> "HfApi":
    """The hub's client: the token is `HF_TOKEN` or that of `hf auth login`; the address is `HF_ENDPOINT`, if it is set.

    Raises:
        MissingExtraError: huggingface_hub is not installed.
    """
    try:
        from huggingface_hub import HfApi
    except ImportError as error:
        raise MissingExtraError(
            f"the Hugging Face hub needs huggingface_hub ({error}): pip install 'priorkit[hub]'"
        ) from None
    # huggingface_hub reads the variable once, when it is imported.
    endpoint = os.environ.get("HF_ENDPOINT", "").rstrip("/") or None
    return HfApi(endpoint=endpoint, library_name="priorkit")


@contextmanager
def hub_answers(api: "HfApi", what: str) -> Iterator[None]:
    """Inside, the hub is asked; what goes wrong there is told in one line.

    Args:
        api: The client.
        what: What is asked for, as messages call it: `'hf://user/name'`.

    Raises:
        HubError: Something goes wrong.
    """
    try:
        yield
    except PriorkitError:
        raise
    except Exception as error:
        # huggingface_hub raises its own errors, those of whichever HTTP client it has, and Python's.
        raise HubError(_explained(error, api.endpoint, what)) from error


def _explained(error: Exception, endpoint: str, what: str) -> str:
    from huggingface_hub import errors

    status = getattr(getattr(error, "response", None), "status_code", None)
    chain = _chain(error)
    if isinstance(error, errors.OfflineModeIsEnabled) or any(
        isinstance(item, errors.OfflineModeIsEnabled) for item in chain
    ):
        return f"cannot reach {what}: HF_HUB_OFFLINE is set; unset it, or name a run folder"
    if isinstance(error, errors.GatedRepoError):
        return f"{what} is gated: ask for access on its page, and log in by `hf auth login` or HF_TOKEN"
    if isinstance(error, errors.RevisionNotFoundError):
        return f"{what} has no such revision: check the branch, tag or commit behind @"
    if status == 401:
        return (
            f"{what}: the hub at {endpoint} does not know who asks (401), or there is no such repository: check the "
            "name, and log in by `hf auth login` or HF_TOKEN"
        )
    if status == 403:
        return f"{what}: the hub at {endpoint} refuses it (403): the token needs the right to read or write there"
    if isinstance(error, errors.RepositoryNotFoundError) or status == 404:
        return f"{what}: the hub at {endpoint} has no such repository or file (404): check the name"
    if status == 412:
        return f"{what} was changed by somebody else meanwhile, and nothing was pushed; push again"
    if status is not None:
        return f"{what}: the hub at {endpoint} answers {status}; try again later"
    if any("Timeout" in type(item).__name__ for item in chain):
        return f"{what}: the hub at {endpoint} does not answer in time; check the network, or try again later"
    if any(type(item).__name__ in ("ConnectError", "ConnectionError", "ConnectionRefusedError") for item in chain):
        return f"{what}: the hub at {endpoint} cannot be reached; check the network and HF_ENDPOINT"
    reason = next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
    return f"{what}: the hub at {endpoint} cannot be used: {reason} ({type(error).__name__}); try again later"


def _chain(error: BaseException) -> list[BaseException]:
    """An error, and those that it comes from."""
    found: list[BaseException] = []
    following: BaseException | None = error
    while following is not None and following not in found:
        found.append(following)
        following = following.__cause__ or following.__context__
    return found
