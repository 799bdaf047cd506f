"""The engine alternates phases, which consist of moves, over batches. It knows no prior, loss or data set by name."""

from priorkit.engine.averaging import AveragedNetworks
from priorkit.engine.checkpoints import CheckpointStore, checkpoint_step
from priorkit.engine.compilation import compile_method, require_compiler
from priorkit.engine.cuda_graphs import CudaGraphs, GraphRecorder
from priorkit.engine.engine import Engine
from priorkit.engine.evaluation_mode import evaluating
from priorkit.engine.first_fault import diverged
from priorkit.engine.free_memory import free_memory
from priorkit.engine.hardware import Precision, choose_device, choose_precision
from priorkit.engine.optimizers import make_optimizer
from priorkit.engine.randomness import DataOrder, seed_for, seed_global_generators
from priorkit.engine.statistics import recomputed_statistics, running_statistics
from priorkit.engine.torch_defaults import torch_defaults

__all__ = [
    "AveragedNetworks",
    "CheckpointStore",
    "CudaGraphs",
    "DataOrder",
    "Engine",
    "GraphRecorder",
    "Precision",
    "checkpoint_step",
    "choose_device",
    "choose_precision",
    "compile_method",
    "diverged",
    "evaluating",
    "free_memory",
    "make_optimizer",
    "recomputed_statistics",
    "require_compiler",
    "running_statistics",
    "seed_for",
    "seed_global_generators",
    "torch_defaults",
]
