"""The catalogue of studies."""

from priorkit.errors import ConfigurationError
from priorkit.plugins import nearest
from priorkit.studies.paper import PAPER_STUDIES
from priorkit.studies.priors import PRIORS_STUDY
from priorkit.studies.study import Study

__all__ = ["STUDIES", "find_study"]

STUDIES = (*PAPER_STUDIES, PRIORS_STUDY)
"""The paper's tables and figures, in the paper's order, and the comparison of priors."""


def find_study(name: str) -> Study:
    """Returns a study by its name.

    Raises:
        ConfigurationError: There is no such study; the message suggests the nearest name.
    """
    known = {study.name: study for study in STUDIES}
    if name not in known:
        raise ConfigurationError(f"unknown study {name!r}{nearest(name, known)} Studies: {', '.join(known)}.")
    return known[name]
