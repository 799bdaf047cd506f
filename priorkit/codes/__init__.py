"""Priors for codes from anywhere: without images, encoder, decoder or run."""

from priorkit.codes.code_files import CodesFile, check_codes_output, read_codes, save_codes
from priorkit.codes.code_fit import CodeFit
from priorkit.codes.code_fitting import CodeFitting, FitObserver
from priorkit.codes.fitted_prior import FittedPrior
from priorkit.codes.fitting import fit_prior, prepare_code_fit
from priorkit.codes.prior_folder import PriorFolder
from priorkit.codes.prior_making import make_prior
from priorkit.codes.resumption import prepare_resumed_fit
from priorkit.codes.scale import CodeScale

__all__ = [
    "CodeFit",
    "CodeFitting",
    "CodeScale",
    "CodesFile",
    "FitObserver",
    "FittedPrior",
    "PriorFolder",
    "check_codes_output",
    "fit_prior",
    "make_prior",
    "prepare_code_fit",
    "prepare_resumed_fit",
    "read_codes",
    "save_codes",
]
