"""Studies: several runs side by side, and the paper's experiments."""

from priorkit.studies.catalogue import STUDIES, find_study
from priorkit.studies.comparison import compare_runs
from priorkit.studies.curves import save_curves
from priorkit.studies.paper import PAPER_STUDIES
from priorkit.studies.plan import COMMON_SLOTS, PlannedRun, Request, plan_runs
from priorkit.studies.priors import PRIORS_STUDY, with_own_priors
from priorkit.studies.recipes import study_of_recipes
from priorkit.studies.reproduction import Reproduction, reproduce
from priorkit.studies.results import Results, Row, Spread, gather_results, write_results
from priorkit.studies.run_comparison import RunComparison
from priorkit.studies.run_summary import DIVERGED, RunSummary, summarise_run
from priorkit.studies.scoring import RunScorer, study_evaluations
from priorkit.studies.study import ComparedSystem, Study
from priorkit.studies.study_observer import StudyObserver

__all__ = [
    "COMMON_SLOTS",
    "DIVERGED",
    "PAPER_STUDIES",
    "PRIORS_STUDY",
    "STUDIES",
    "ComparedSystem",
    "PlannedRun",
    "Reproduction",
    "Request",
    "Results",
    "Row",
    "RunComparison",
    "RunScorer",
    "RunSummary",
    "Spread",
    "Study",
    "StudyObserver",
    "compare_runs",
    "find_study",
    "gather_results",
    "plan_runs",
    "reproduce",
    "save_curves",
    "study_evaluations",
    "study_of_recipes",
    "summarise_run",
    "with_own_priors",
    "write_results",
]
