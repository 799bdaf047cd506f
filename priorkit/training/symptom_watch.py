"""Watches a training for symptoms of collapse."""

import warnings
from collections.abc import Sequence

from priorkit.errors import NonFiniteLossError, TrainingWarning
from priorkit.training.indicators import WeightChanges
from priorkit.training.observer import Observer
from priorkit.training.review import Review
from priorkit.training.session import Session
from priorkit.training.symptoms import NoticedSymptom, SymptomHistory

__all__ = ["SymptomWatch"]


class SymptomWatch(Observer):
    """Warns of each symptom that lasts, once.

    Args:
        observers: Other observers to notify.
    """

    def __init__(self, observers: Sequence[Observer]) -> None:
        self._observers = observers
        self._history = SymptomHistory()

    def started(self, session: Session) -> None:
        """Remembers the initial weights."""
        self._weights = WeightChanges(session.engine.networks)
        self._weights.look(session.stage.trains())
        self._measured_at = self._reviewed_at = session.steps

    def measured(self, session: Session, losses: dict[str, float]) -> None:
        """Checks the critics' losses."""
        self._tell(session, self._history.losses(session.steps, self._measured_at, losses))
        self._measured_at = session.steps

    def reviewed(self, session: Session, review: Review) -> None:
        """Checks samples, codes and weights."""
        self._tell(session, self._history.indicators(session.steps, review.indicators))
        changed = self._weights.look(session.stage.trains())
        if session.steps > self._reviewed_at:
            self._tell(session, self._history.changes(session.steps, self._reviewed_at, changed))
        self._reviewed_at = session.steps

    def rolled_back(self, session: Session, error: NonFiniteLossError) -> None:
        """Starts again, with the restored weights."""
        self._history.forget()
        self.started(session)

    def _tell(self, session: Session, symptoms: Sequence[NoticedSymptom]) -> None:
        for symptom in symptoms:
            warnings.warn(f"step {session.steps}: {symptom}", TrainingWarning, stacklevel=2)
            for observer in self._observers:
                observer.noticed(session, symptom)
