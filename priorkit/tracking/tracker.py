"""The interface of trackers, and what they are given about a run."""

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
        path: The run folder; its name is the run's name.
        settings: The resolved configuration, as plain values.
        steps: Number of steps done already.
        identity: The identity that `Tracker.start` returned when the tracker followed this run before; empty for a new
            run.
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
    """A tool to which the measurements of a training are sent. All methods are called in one thread, one after another.

    An exception from any method ends the tracking, with a warning; the training continues.

    Attributes:
        notice: A message from `start` for the user, which becomes a warning; empty if there is none.
    """

    notice: str = ""

    @abstractmethod
    def start(self, run: TrackedRun) -> Mapping[str, str]:
        """Starts following a run, or continues following a run of known identity.

        Returns:
            The run's identity in the tracker, as texts by name; saved in the run's folder, and given again when the run
            is resumed.
        """

    @abstractmethod
    def log(self, values: Mapping[str, float], step: int) -> None:
        """Records measurements of a step, by name."""

    @abstractmethod
    def show(self, pictures: Mapping[str, Image.Image], step: int) -> None:
        """Records pictures of a step, by name."""

    def go_back(self, step: int) -> None:  # noqa: B027
        """Prepares for repeated steps: training goes back to an earlier step. Most trackers accept a step twice."""

    @abstractmethod
    def finish(self, *, complete: bool) -> None:
        """Sends all remaining measurements, and ends the tracking.

        Args:
            complete: Whether the training is complete; otherwise it was stopped or has failed.
        """


def flattened(settings: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Flattens tables of settings to dotted keys, as in `prior.noise_dim`; lists become texts."""
    found: dict[str, Any] = {}
    for key, value in settings.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping):
            found |= flattened(value, f"{name}.")
        elif value is not None:
            found[name] = value if isinstance(value, bool | int | float | str) else str(value)
    return found
