"""Checks that the processes of a distributed training train the same run."""

import platform
from typing import Any

import torch

from priorkit.config import RunConfig, flag_for
from priorkit.data.fingerprints import captions_fingerprint, condition_fingerprint, sample_fingerprint
from priorkit.distributed import Processes, require_equal_descriptions
from priorkit.interfaces import ImageData
from priorkit.training import Session

__all__ = ["require_common_run"]

_OF_EACH_MACHINE = ("data_dir", "device", "stream", "workers", "compile")
"""Settings without influence on a run's result, in which machines may differ."""


def require_common_run(config: RunConfig, session: Session, data: ImageData, processes: Processes) -> None:
    """Checks that all processes have the same settings, data and position. All processes must call this function.

    Raises:
        ProcessesError: They differ; the message says in what, and how. Raised in all processes.
    """
    if processes.count == 1:
        return
    require_equal_descriptions(_description(config, session, data), processes)


def _description(config: RunConfig, session: Session, data: ImageData) -> dict[str, Any]:
    condition = session.system.condition
    reads_text = condition is not None and condition.reads_text
    reads_others = condition is not None and condition.from_data and not reads_text
    settings = config.model_dump(mode="json", exclude=set(_OF_EACH_MACHINE))
    return {
        **{flag_for((name,)): value for name, value in settings.items()},
        "precision": session.precision.name,
        "kind of device": session.precision.device.type,
        "number of training images": len(data.train),
        "number of held-out images": len(data.test),
        "data (by a sample of its images)": sample_fingerprint(data),
        "labels and embeddings": condition_fingerprint(data) if reads_others else None,
        "captions": captions_fingerprint(data) if reads_text else None,
        "checkpoint (by its steps)": session.steps,
        "version of torch": torch.__version__,
        "version of Python": platform.python_version_tuple()[:2],
    }
