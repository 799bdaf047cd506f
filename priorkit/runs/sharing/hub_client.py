"""The client of the Hugging Face hub, and messages for its errors."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from priorkit.errors import MissingExtraError, PriorkitError, RunFolderError

if TYPE_CHECKING:
    from huggingface_hub import HfApi

__all__ = ["HubError", "hub_answers", "hub_api"]


class HubError(RunFolderError):
    """The hub did not answer, or refused a request."""


def hub_api() -> "HfApi":
    """Returns a client of the hub with the token of `HF_TOKEN` or `hf auth login`; `HF_ENDPOINT` names another hub.

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
    """Turns errors of requests to the hub inside this context into one-line errors.

    Args:
        api: The client.
        what: The subject of messages: `'hf://user/name'`.

    Raises:
        HubError: A request failed.
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
        return f"{what} is gated: request access on its page, and log in by `hf auth login` or HF_TOKEN"
    if isinstance(error, errors.RevisionNotFoundError):
        return f"{what} has no such revision: check the branch, tag or commit behind @"
    if status == 401:
        return (
            f"{what}: the hub at {endpoint} does not know you (401), or there is no such repository: check the "
            "name, and log in by `hf auth login` or HF_TOKEN"
        )
    if status == 403:
        return f"{what}: the hub at {endpoint} refuses access (403): the token needs the right to read or write there"
    if isinstance(error, errors.RepositoryNotFoundError) or status == 404:
        return f"{what}: the hub at {endpoint} has no such repository or file (404): check the name"
    if status == 412:
        return f"somebody else has changed {what} meanwhile, so nothing was pushed; push again"
    if status is not None:
        return f"{what}: the hub at {endpoint} answers {status}; try again later"
    if any("Timeout" in type(item).__name__ for item in chain):
        return f"{what}: the hub at {endpoint} does not answer in time; check the network, or try again later"
    if any(type(item).__name__ in ("ConnectError", "ConnectionError", "ConnectionRefusedError") for item in chain):
        return f"{what}: the hub at {endpoint} cannot be reached; check the network and HF_ENDPOINT"
    reason = next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
    return f"{what}: the hub at {endpoint} cannot be used: {reason} ({type(error).__name__}); try again later"


def _chain(error: BaseException) -> list[BaseException]:
    """Yields an error and its causes."""
    found: list[BaseException] = []
    following: BaseException | None = error
    while following is not None and following not in found:
        found.append(following)
        following = following.__cause__ or following.__context__
    return found
