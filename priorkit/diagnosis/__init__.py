"""Diagnoses mismatches between a prior and the codes that it models: measured, named, and drawn."""

from priorkit.diagnosis.code_comparison import FEWEST_CODES, CodeComparison, compare_codes
from priorkit.diagnosis.drawing import draw_diagnosis
from priorkit.diagnosis.findings import Fault, Finding, name_faults
from priorkit.diagnosis.model_diagnosis import CodeSets, Diagnosis, diagnose_codes, diagnose_model

__all__ = [
    "FEWEST_CODES",
    "CodeComparison",
    "CodeSets",
    "Diagnosis",
    "Fault",
    "Finding",
    "compare_codes",
    "diagnose_codes",
    "diagnose_model",
    "draw_diagnosis",
    "name_faults",
]
