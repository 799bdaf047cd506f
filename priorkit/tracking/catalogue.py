"""The catalogue of trackers."""

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
    """A tracker in the catalogue.

    Attributes:
        package: The package that the tracker needs; the extra with the tracker's name installs it.
        home: The tracker's module and class, `module:class`, imported only when it is used.
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
    """Checks that trackers exist and that their packages are installed, without importing them.

    Raises:
        ConfigurationError: There is no tracker of such a name.
        MissingExtraError: A tracker's package is not installed.
    """
    for name in names:
        if name not in TRACKERS:
            raise ConfigurationError(
                f"--track {name}: no such tracker{nearest(name, TRACKERS)} Trackers: {', '.join(TRACKERS)}"
            )
        if find_spec(TRACKERS[name].package) is None:
            raise MissingExtraError(f"--track {name} needs {TRACKERS[name].package}: pip install 'priorkit[{name}]'")


def tracker_names(track: str | Sequence[str]) -> tuple[str, ...]:
    """Checks the names of trackers, and returns each name once; `none` stands for no trackers.

    Raises:
        ConfigurationError: There is no such tracker.
        MissingExtraError: A tracker's package is not installed.
    """
    given = [track] if isinstance(track, str) else list(track)
    if given == ["none"]:
        return ()
    check_trackers(given)
    return tuple(dict.fromkeys(given))


def build_tracker(name: str) -> Tracker:
    """Builds a tracker; `Tracker.start` is still to be called.

    Raises:
        ImportError: A part of its package cannot be imported.
    """
    module, _, built = TRACKERS[name].home.partition(":")
    tracker: Tracker = getattr(import_module(module), built)()
    return tracker
