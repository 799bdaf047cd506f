"""Every study that there is, by name."""

from priorkit.errors import ConfigurationError
from priorkit.plugins import nearest
from priorkit.studies.paper import PAPER_STUDIES
from priorkit.studies.priors import PRIORS_STUDY
from priorkit.studies.study import Study

__all__ = ["STUDIES", "find_study"]

STUDIES = (*PAPER_STUDIES, PRIORS_STUDY)
"""The paper's tables and figures in its order, and the comparison of priors."""


def find_study(name: str) -> Study:
    """The study of that name.

    Raises:
        ConfigurationError: There is none; the message has the nearest name.
    """
    known = {study.name: study for study in STUDIES}
    if name not in known:
        raise ConfigurationError(f"unknown study {name!r}{nearest(name, known)} Studies: {', '.join(known)}.")
    return known[name]
