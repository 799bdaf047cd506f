"""Turns a configuration into modules and phases, and trains them."""

from priorkit.training.batches import to_float, to_uint8
from priorkit.training.binarisation import Binarise, binarised
from priorkit.training.data import load_data
from priorkit.training.data_summary import DataSummary, summarise
from priorkit.training.evaluation_networks import EvaluationNetworks
from priorkit.training.length import last_step
from priorkit.training.loop import Observer, run_session
from priorkit.training.model import Model
from priorkit.training.review import Review
from priorkit.training.session import Session
from priorkit.training.system import BuiltSystem, build_system, tensors_below

__all__ = [
    "Binarise",
    "BuiltSystem",
    "DataSummary",
    "EvaluationNetworks",
    "Model",
    "Observer",
    "Review",
    "Session",
    "binarised",
    "build_system",
    "last_step",
    "load_data",
    "run_session",
    "summarise",
    "tensors_below",
    "to_float",
    "to_uint8",
]
