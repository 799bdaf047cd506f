"""Sweeps: many runs of one recipe in parallel, to find the best settings."""

from priorkit.sweeps.objectives import Objective, parse_objectives
from priorkit.sweeps.observer import SweepObserver
from priorkit.sweeps.report import write_sweep_report
from priorkit.sweeps.request import SweepRequest
from priorkit.sweeps.results import Sweep, write_tables
from priorkit.sweeps.search import SearchedOption, parse_search, search_of
from priorkit.sweeps.space import SearchSpace
from priorkit.sweeps.storage import StudyDatabaseError, require_optuna
from priorkit.sweeps.sweeping import carry_out_sweep, default_folder, sweep
from priorkit.sweeps.trials import SweptTrial

__all__ = [
    "Objective",
    "SearchSpace",
    "SearchedOption",
    "StudyDatabaseError",
    "Sweep",
    "SweepObserver",
    "SweepRequest",
    "SweptTrial",
    "carry_out_sweep",
    "default_folder",
    "parse_objectives",
    "parse_search",
    "require_optuna",
    "search_of",
    "sweep",
    "write_sweep_report",
    "write_tables",
]
