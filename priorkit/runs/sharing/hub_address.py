"""Addresses of runs on the Hugging Face hub: `hf://user/name`, or with `@revision` behind it."""

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
    """Where a run is on the hub.

    Attributes:
        repository: `user/name`.
        revision: A branch, a tag, or a commit; None for the newest commit of the main branch.
    """

    repository: str
    revision: str | None = None

    @classmethod
    def parse(cls, text: str) -> "HubAddress":
        """Reads `user/name`, `user/name@revision`, or either with `hf://` in front.

        Raises:
            ConfigurationError: It is none of these.
        """
        repository, at, revision = re.sub("^hf:/{1,2}", "", text).partition("@")
        if not _REPOSITORY.fullmatch(repository) or ".." in repository or "--" in repository:
            raise ConfigurationError(f"{text!r} names no repository of the hub: expected hf://user/name[@revision]")
        if at and (not _REVISION.fullmatch(revision) or ".." in revision):
            raise ConfigurationError(f"{text!r}: {revision!r} is no branch, tag or commit")
        return cls(repository, revision or None)

    @staticmethod
    def is_one(text: str | Path) -> bool:
        """Whether a text is such an address, and no path of a folder. A `Path` of it has lost one of its slashes."""
        return re.match("hf:/{1,2}[^/]", str(text)) is not None

    def __str__(self) -> str:
        return f"hf://{self.repository}" + (f"@{self.revision}" if self.revision else "")
