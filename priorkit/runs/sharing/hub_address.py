"""Addresses of runs on the Hugging Face hub: `hf://user/name` or `hf://user/name@revision`."""

import re
from dataclasses import dataclass
from pathlib import Path

from priorkit.errors import ConfigurationError

__all__ = ["HubAddress"]

_PART = r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,94}[A-Za-z0-9_])?"
_REPOSITORY = re.compile(f"{_PART}/{_PART}")
_REVISION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,199}")


@dataclass(frozen=True)
class HubAddress:
    """The address of a run on the hub.

    Attributes:
        repository: `user/name`.
        revision: A branch, a tag, or a commit; None for the newest commit of the main branch.
    """

    repository: str
    revision: str | None = None

    @classmethod
    def parse(cls, text: str) -> "HubAddress":
        """Parses `user/name`, `user/name@revision`, or either with `hf://` in front.

        Raises:
            ConfigurationError: The text has none of these forms.
        """
        repository, at, revision = re.sub("^hf:/{1,2}", "", text).partition("@")
        if not _REPOSITORY.fullmatch(repository) or ".." in repository or "--" in repository:
            raise ConfigurationError(f"{text!r} names no repository of the hub: expected hf://user/name[@revision]")
        if at and (not _REVISION.fullmatch(revision) or ".." in revision):
            raise ConfigurationError(f"{text!r}: {revision!r} is not a branch, tag or commit")
        return cls(repository, revision or None)

    @staticmethod
    def is_one(text: str | Path) -> bool:
        """Whether a text is an address on the hub, not a folder's path. In a `Path`, an address has lost a slash."""
        return re.match("hf:/{1,2}[^/]", str(text)) is not None

    def __str__(self) -> str:
        return f"hf://{self.repository}" + (f"@{self.revision}" if self.revision else "")
