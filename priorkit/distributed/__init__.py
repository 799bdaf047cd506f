"""Distributed training: several processes that train one run together."""

from priorkit.distributed.agreement import (
    average_statistics,
    require_equal_descriptions,
    require_equal_tensors,
)
from priorkit.distributed.joining import abandon_processes, join_processes, leave_processes
from priorkit.distributed.processes import Processes
from priorkit.distributed.synchronised_batch_norm import synchronise_batch_norm

__all__ = [
    "Processes",
    "abandon_processes",
    "average_statistics",
    "join_processes",
    "leave_processes",
    "require_equal_descriptions",
    "require_equal_tensors",
    "synchronise_batch_norm",
]
