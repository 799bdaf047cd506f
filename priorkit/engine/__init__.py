"""The engine: phases made of moves, alternated over batches. It knows no prior, no loss and no data set by name."""

from priorkit.engine.averaging import AveragedNetworks
from priorkit.engine.checkpoints import CheckpointStore
from priorkit.engine.compilation import compile_method, require_compiler
from priorkit.engine.cuda_graphs import CudaGraphs, GraphRecorder
from priorkit.engine.engine import Engine
from priorkit.engine.free_memory import free_memory
from priorkit.engine.hardware import Precision, choose_device, choose_precision
from priorkit.engine.joining import abandon_processes, join_processes, leave_processes
from priorkit.engine.optimizers import make_optimizer
from priorkit.engine.processes import Processes
from priorkit.engine.randomness import DataOrder, seed_for, seed_global_generators
from priorkit.engine.statistics import recomputed_statistics, running_statistics
from priorkit.engine.synchronised_batch_norm import synchronise_batch_norm

__all__ = [
    "AveragedNetworks",
    "CheckpointStore",
    "CudaGraphs",
    "DataOrder",
    "Engine",
    "GraphRecorder",
    "Precision",
    "Processes",
    "abandon_processes",
    "choose_device",
    "choose_precision",
    "compile_method",
    "free_memory",
    "join_processes",
    "leave_processes",
    "make_optimizer",
    "recomputed_statistics",
    "require_compiler",
    "running_statistics",
    "seed_for",
    "seed_global_generators",
    "synchronise_batch_norm",
]
