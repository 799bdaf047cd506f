"""Scores the runs of a study."""

from priorkit.plugins import Registry
from priorkit.studies.plan import PlannedRun

__all__ = ["RunScorer"]


class RunScorer:
    """Scores runs, and keeps their scores in their folders.

    Args:
        registry: Where components come from.
    """

    def __init__(self, registry: Registry) -> None:
        self.registry = registry

    def misses(self, run: PlannedRun) -> bool:
        """Whether a run is still to be scored."""
        return False

    def score(self, run: PlannedRun) -> None:
        """Scores a run."""
