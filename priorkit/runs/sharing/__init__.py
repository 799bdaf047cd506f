"""Shares runs: as one packed file, or on the Hugging Face hub."""

from priorkit.runs.sharing.description import RunDescription
from priorkit.runs.sharing.local_paths import without_local_paths
from priorkit.runs.sharing.local_runs import describe_run, local_run
from priorkit.runs.sharing.packing import pack_run, unpack
from priorkit.runs.sharing.publishing import push_run
from priorkit.runs.sharing.pulling import pull

__all__ = [
    "RunDescription",
    "describe_run",
    "local_run",
    "pack_run",
    "pull",
    "push_run",
    "unpack",
    "without_local_paths",
]
