"""MLflow."""

import os
import time
from collections.abc import Mapping
from typing import Any

from PIL import Image

from priorkit.tracking.tracker import TrackedRun, Tracker, flattened

__all__ = ["MlflowTracker"]

_AT_ONCE = 100
"""Settings that a server takes in one request."""
_LONGEST = 500
"""Characters of a setting that every kind of store takes."""


class MlflowTracker(Tracker):
    """MLflow, where `MLFLOW_TRACKING_URI` says; its experiment is `MLFLOW_EXPERIMENT_NAME`, or `priorkit`."""

    def __init__(self) -> None:
        self._client: Any = None
        self._run = ""

    def start(self, run: TrackedRun) -> Mapping[str, str]:
        """Begins a run, or goes on with one that is in the same store."""
        from mlflow import MlflowClient
        from mlflow.entities import Param

        self._client = client = MlflowClient()
        uri = str(client.tracking_uri)
        if run.identity.get("uri") == uri and run.identity.get("run_id"):
            self._run = run.identity["run_id"]
            client.update_run(self._run, status="RUNNING")
        else:
            self._run = client.create_run(self._experiment(), run_name=run.name).info.run_id
            # Settings cannot be changed there once they are written.
            rows = [Param(key, str(value)[:_LONGEST]) for key, value in flattened(run.settings).items()]
            for begin in range(0, len(rows), _AT_ONCE):
                client.log_batch(self._run, params=rows[begin : begin + _AT_ONCE])
        return {"run_id": self._run, "uri": uri}

    def _experiment(self) -> str:
        name = os.environ.get("MLFLOW_EXPERIMENT_NAME", "priorkit")
        found = self._client.get_experiment_by_name(name)
        return str(found.experiment_id if found is not None else self._client.create_experiment(name))

    def log(self, values: Mapping[str, float], step: int) -> None:
        """Logs measurements."""
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        self._client.log_batch(self._run, metrics=[Metric(name, value, now, step) for name, value in values.items()])

    def show(self, pictures: Mapping[str, Image.Image], step: int) -> None:
        """Logs images as artifacts: `samples/00000250.png`."""
        for name, picture in pictures.items():
            self._client.log_image(self._run, picture, artifact_file=f"{name}/{step:08d}.png")

    def finish(self, *, complete: bool) -> None:
        """Ends the run."""
        if self._run:
            self._client.set_terminated(self._run, "FINISHED" if complete else "KILLED")
