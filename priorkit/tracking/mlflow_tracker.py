"""The tracker for MLflow."""

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PIL import Image

from priorkit.tracking.tracker import TrackedRun, Tracker, flattened

__all__ = ["MlflowTracker"]

_AT_ONCE = 100
"""Maximal number of settings in one request."""
_LONGEST = 500
"""Maximal length of a setting that every kind of store accepts."""


class MlflowTracker(Tracker):
    """Tracks runs in MLflow at `MLFLOW_TRACKING_URI`; the experiment is `MLFLOW_EXPERIMENT_NAME` or `priorkit`."""

    def __init__(self) -> None:
        self._client: Any = None
        self._run = ""

    def start(self, run: TrackedRun) -> Mapping[str, str]:
        """Starts a run, or resumes one in the same store."""
        from mlflow import MlflowClient
        from mlflow.entities import Param

        self._client = client = MlflowClient()
        uri = _store(str(client.tracking_uri))
        before = run.identity.get("run_id", "") if _store(run.identity.get("uri", "")) == uri else ""
        if before and self._is_there(before):
            self._run = before
            client.update_run(self._run, status="RUNNING")
        else:
            if before:
                self.notice = f"{uri} has no run {before} any more: a new one follows the training from here on"
            self._run = client.create_run(self._experiment(), run_name=run.name).info.run_id
            # MLflow does not allow changes of settings, so resumed runs keep theirs.
            rows = [Param(key, str(value)[:_LONGEST]) for key, value in flattened(run.settings).items()]
            for begin in range(0, len(rows), _AT_ONCE):
                client.log_batch(self._run, params=rows[begin : begin + _AT_ONCE])
        return {"run_id": self._run, "uri": uri}

    def _is_there(self, run: str) -> bool:
        from mlflow.exceptions import MlflowException

        try:
            return str(self._client.get_run(run).info.lifecycle_stage) == "active"
        except MlflowException as error:
            if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                raise
            return False

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


def _store(uri: str) -> str:
    """The store of a URI, without user, password and parameters; the path of a SQLite file becomes absolute."""
    kind, found, rest = uri.partition("://")
    if not found:
        return uri
    place = rest.partition("?")[0]
    if kind.startswith("sqlite"):
        file = place.removeprefix("/")
        return f"{kind}:///{Path(file).absolute()}" if file and file != ":memory:" else f"{kind}://{place}"
    if "@" in rest and "@" not in place:
        # The question mark may be in the password, or the @ in the parameters: hide everything.
        return f"{kind}://"
    return f"{kind}://{place.rpartition('@')[2]}"
