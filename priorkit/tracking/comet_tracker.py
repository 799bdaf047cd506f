"""The tracker for Comet."""

import os
from collections.abc import Mapping
from typing import Any

from PIL import Image

from priorkit.tracking.tracker import TrackedRun, Tracker, flattened

__all__ = ["CometTracker"]


class CometTracker(Tracker):
    """Tracks runs in Comet, configured by its variables (`COMET_API_KEY`, `COMET_START_ONLINE`, ...)."""

    def __init__(self) -> None:
        self._experiment: Any = None

    def start(self, run: TrackedRun) -> Mapping[str, str]:
        """Starts an experiment, or resumes it by its key, in the project `COMET_PROJECT_NAME` (default `priorkit`)."""
        import comet_ml

        config = comet_ml.ExperimentConfig(
            name=run.name,
            display_summary_level=0,
            # The files in the working directory are not part of the run.
            log_code=False,
            log_git_patch=False,
            log_graph=False,
            parse_args=False,
            auto_output_logging=False,
            auto_metric_logging=False,
            auto_param_logging=False,
        )
        key = run.identity.get("key")
        self._experiment = comet_ml.start(
            project_name=os.environ.get("COMET_PROJECT_NAME", "priorkit"),
            experiment_key=key,
            mode="get_or_create" if key else "create",
            experiment_config=config,
        )
        self._experiment.log_parameters(flattened(run.settings))
        return {"key": str(self._experiment.get_key())}

    def log(self, values: Mapping[str, float], step: int) -> None:
        """Logs measurements."""
        self._experiment.log_metrics(dict(values), step=step)

    def show(self, pictures: Mapping[str, Image.Image], step: int) -> None:
        """Logs images."""
        for name, picture in pictures.items():
            self._experiment.log_image(picture, name=name, step=step)

    def finish(self, *, complete: bool) -> None:
        """Ends the experiment."""
        if self._experiment is not None:
            self._experiment.end()
