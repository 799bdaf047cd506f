"""Systems built from a configuration, and trained models ready to use."""

from priorkit.models.assembly import build_system
from priorkit.models.evaluation_networks import EvaluationNetworks
from priorkit.models.held_out import energy_distance, reconstruction_error
from priorkit.models.model import Model
from priorkit.models.system import BuiltSystem, tensors_below

__all__ = [
    "BuiltSystem",
    "EvaluationNetworks",
    "Model",
    "build_system",
    "energy_distance",
    "reconstruction_error",
    "tensors_below",
]
