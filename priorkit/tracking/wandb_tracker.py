"""The tracker for Weights & Biases."""

import os
from collections.abc import Mapping
from typing import Any

from PIL import Image

from priorkit.tracking.tracker import TrackedRun, Tracker

__all__ = ["WandbTracker"]

_PATIENCE = 30.0
"""Seconds within which the server must answer when a run begins."""


class WandbTracker(Tracker):
    """Tracks runs in Weights & Biases, configured by its variables (`WANDB_MODE`, `WANDB_PROJECT`, ...)."""

    def __init__(self) -> None:
        self._run: Any = None

    def start(self, run: TrackedRun) -> Mapping[str, str]:
        """Starts a run, or resumes it by its id, in the project `WANDB_PROJECT` (default `priorkit`)."""
        import wandb

        if os.environ.get("WANDB_MODE", "online") == "online" and not wandb.login(prompt=False):
            raise RuntimeError("there is no key: log in by `wandb login`, or set WANDB_API_KEY or WANDB_MODE=offline")
        identity = run.identity.get("id")
        self._run = wandb.init(
            project=os.environ.get("WANDB_PROJECT", "priorkit"),
            name=run.name,
            id=identity,
            resume="allow" if identity else None,
            config=dict(run.settings),
            # The program's own wandb runs, if any, are left alone.
            reinit="create_new",
            settings=wandb.Settings(console="off", save_code=False, init_timeout=_PATIENCE),
        )
        # wandb's own step counter would refuse steps that are repeated after a crash.
        self._run.define_metric("step")
        self._run.define_metric("*", step_metric="step")
        return {"id": str(self._run.id)}

    def log(self, values: Mapping[str, float], step: int) -> None:
        """Logs measurements."""
        self._run.log({"step": step, **values})

    def show(self, pictures: Mapping[str, Image.Image], step: int) -> None:
        """Logs images."""
        import wandb

        self._run.log({"step": step, **{name: wandb.Image(picture) for name, picture in pictures.items()}})

    def finish(self, *, complete: bool) -> None:
        """Ends the run."""
        if self._run is not None:
            self._run.finish(exit_code=0 if complete else 1)
