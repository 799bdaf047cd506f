"""The trackers that there are, by name."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec

from priorkit.errors import ConfigurationError, MissingExtraError
from priorkit.plugins import nearest
from priorkit.tracking.tracker import Tracker

__all__ = ["TRACKERS", "KnownTracker", "build_tracker", "check_trackers", "tracker_names"]


@dataclass(frozen=True)
class KnownTracker:
    """A tracker by name.

    Attributes:
        package: The package that it needs, which an extra of the tracker's name installs.
        home: Its module and class, imported where it is used.
    """

    package: str
    home: str


TRACKERS: Mapping[str, KnownTracker] = {
    "wandb": KnownTracker("wandb", "priorkit.tracking.wandb_tracker:WandbTracker"),
    "mlflow": KnownTracker("mlflow", "priorkit.tracking.mlflow_tracker:MlflowTracker"),
    "comet": KnownTracker("comet_ml", "priorkit.tracking.comet_tracker:CometTracker"),
    "tensorboard": KnownTracker("tensorboard", "priorkit.tracking.tensorboard_tracker:TensorBoardTracker"),
}


def check_trackers(names: Sequence[str]) -> None:
    """Makes sure that there are such trackers and that their packages are installed, without importing them.

    Raises:
        ConfigurationError: There is no such tracker.
        MissingExtraError: Its package is not installed.
    """
    for name in names:
        if name not in TRACKERS:
            raise ConfigurationError(
                f"--track {name}: no such tracker{nearest(name, TRACKERS)} There are {', '.join(TRACKERS)}"
            )
        if find_spec(TRACKERS[name].package) is None:
            raise MissingExtraError(f"--track {name} needs {TRACKERS[name].package}: pip install 'priorkit[{name}]'")


def tracker_names(track: str | Sequence[str]) -> tuple[str, ...]:
    """The names of trackers that were given, each once; `none` stands for none.

    Raises:
        ConfigurationError: There is no such tracker.
        MissingExtraError: The package of one is not installed.
    """
    given = [track] if isinstance(track, str) else list(track)
    if given == ["none"]:
        return ()
    check_trackers(given)
    return tuple(dict.fromkeys(given))


def build_tracker(name: str) -> Tracker:
    """Makes a tracker, which has not begun yet.

    Raises:
        ImportError: A part of its package cannot be imported.
    """
    module, _, built = TRACKERS[name].home.partition(":")
    tracker: Tracker = getattr(import_module(module), built)()
    return tracker
