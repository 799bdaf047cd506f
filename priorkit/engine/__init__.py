"""The engine: phases made of moves, alternated over batches. It knows no prior, no loss and no data set by name."""

from priorkit.engine.averaging import AveragedNetworks
from priorkit.engine.checkpoints import CheckpointStore
from priorkit.engine.engine import Engine
from priorkit.engine.free_memory import free_memory
from priorkit.engine.hardware import Precision, choose_device, choose_precision
from priorkit.engine.memory import keep_freed_memory
from priorkit.engine.moves import Move, Noise, Phase
from priorkit.engine.optimizers import make_optimizer
from priorkit.engine.randomness import DataOrder, seed_for
from priorkit.engine.statistics import frozen_statistics

__all__ = [
    "AveragedNetworks",
    "CheckpointStore",
    "DataOrder",
    "Engine",
    "Move",
    "Noise",
    "Phase",
    "Precision",
    "choose_device",
    "choose_precision",
    "free_memory",
    "frozen_statistics",
    "keep_freed_memory",
    "make_optimizer",
    "seed_for",
]
