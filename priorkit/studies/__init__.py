"""Studies: several runs side by side, and the paper's experiments."""

from priorkit.studies.comparison import RunComparison, compare_runs
from priorkit.studies.curves import save_curves
from priorkit.studies.paper import PAPER_STUDIES, paper_study
from priorkit.studies.plan import COMMON_SLOTS, PlannedRun, Request, plan_runs
from priorkit.studies.reproduction import Reproduction, StudyObserver, reproduce
from priorkit.studies.results import Results, Row, Spread, gather_results, write_results
from priorkit.studies.run_summary import RunSummary, summarise_run
from priorkit.studies.scoring import RunScorer, study_evaluations
from priorkit.studies.study import ComparedSystem, Study

__all__ = [
    "COMMON_SLOTS",
    "PAPER_STUDIES",
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
    "gather_results",
    "paper_study",
    "plan_runs",
    "reproduce",
    "save_curves",
    "study_evaluations",
    "summarise_run",
    "write_results",
]
