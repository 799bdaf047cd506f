"""Trackers send the measurements of a training to other tools, such as TensorBoard or Weights & Biases."""

from priorkit.tracking.catalogue import TRACKERS, check_trackers, tracker_names
from priorkit.tracking.kept_identities import recorded_trackers
from priorkit.tracking.tensorboard_events import TensorBoardEvents
from priorkit.tracking.tracker import TrackedRun, Tracker
from priorkit.tracking.tracking import Tracking

__all__ = [
    "TRACKERS",
    "TensorBoardEvents",
    "TrackedRun",
    "Tracker",
    "Tracking",
    "check_trackers",
    "recorded_trackers",
    "tracker_names",
]
