"""What a tracker is, and what it is told of a run."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

__all__ = ["TrackedRun", "Tracker", "flattened"]


@dataclass(frozen=True)
class TrackedRun:
    """The run that a tracker is about to follow.

    Attributes:
        path: The run folder; its name is the run's.
        settings: The resolved configuration, as plain values.
        steps: Steps done already.
        identity: What `Tracker.start` has returned when the run was followed before; empty if it was not.
    """

    path: Path
    settings: Mapping[str, Any]
    steps: int
    identity: Mapping[str, str]

    @property
    def name(self) -> str:
        """The run's name."""
        return self.path.resolve().name


class Tracker(ABC):
    """Where the measurements of a training go. Its methods are called one after another, in one thread.

    Whatever they raise ends the tracking, and is told; the training goes on.

    Attributes:
        notice: What `start` has found that the user should know of; it is told as a warning.
    """

    notice: str = ""

    @abstractmethod
    def start(self, run: TrackedRun) -> Mapping[str, str]:
        """Starts to follow a run, or continues if it has followed it before.

        Returns:
            By what it goes on later, as texts; kept in the run's folder.
        """

    @abstractmethod
    def log(self, values: Mapping[str, float], step: int) -> None:
        """Takes measurements of a step, by name."""

    @abstractmethod
    def show(self, pictures: Mapping[str, Image.Image], step: int) -> None:
        """Takes pictures of a step, by name."""

    def go_back(self, step: int) -> None:  # noqa: B027
        """Is told that training goes on from an earlier step; most trackers take the same step twice."""

    @abstractmethod
    def finish(self, *, complete: bool) -> None:
        """Sends what is left.

        Args:
            complete: Whether the training has come to its end; otherwise it was stopped, or has failed.
        """


def flattened(settings: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Settings with dots between the names of tables and keys, as in `prior.noise_dim`; lists are texts."""
    found: dict[str, Any] = {}
    for key, value in settings.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping):
            found |= flattened(value, f"{name}.")
        elif value is not None:
            found[name] = value if isinstance(value, bool | int | float | str) else str(value)
    return found
