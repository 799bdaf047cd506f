"""The tracker for TensorBoard, which writes events in the run's folder."""

import json
from collections.abc import Mapping
from pathlib import Path

from PIL import Image

from priorkit.tracking.tensorboard_events import TensorBoardEvents
from priorkit.tracking.tracker import TrackedRun, Tracker, flattened

__all__ = ["TensorBoardTracker"]


class TensorBoardTracker(Tracker):
    """Tracks runs by TensorBoard events in the run's folder, where a resumed run continues them."""

    def __init__(self) -> None:
        self._folder = Path()
        self._events: TensorBoardEvents | None = None

    def start(self, run: TrackedRun) -> Mapping[str, str]:
        """Opens an event file, which voids earlier events of steps after the last checkpoint."""
        self._folder = run.path
        self._events = TensorBoardEvents(run.path, run.steps)
        rows = "\n".join(f"| {key} | {json.dumps(value)} |" for key, value in flattened(run.settings).items())
        self._events.write_text("configuration", f"| setting | value |\n|---|---|\n{rows}", run.steps)
        return {}

    def log(self, values: Mapping[str, float], step: int) -> None:
        """Writes scalars."""
        assert self._events is not None, "start() opens it"
        self._events.write(values, step)

    def show(self, pictures: Mapping[str, Image.Image], step: int) -> None:
        """Writes images."""
        assert self._events is not None, "start() opens it"
        for name, picture in pictures.items():
            self._events.write_picture(name, picture, step)

    def go_back(self, step: int) -> None:
        """Opens another event file, which voids earlier events of later steps."""
        if self._events is not None:
            self._events.close()
        self._events = TensorBoardEvents(self._folder, step)

    def finish(self, *, complete: bool) -> None:
        """Closes the file."""
        if self._events is not None:
            self._events.close()
