"""Trains a system: phases, the session, the loop and its observers."""

from priorkit.training.length import images_seen, last_step, require_steps_taken
from priorkit.training.loop import run_session
from priorkit.training.observer import Observer
from priorkit.training.review import Review
from priorkit.training.session import Session
from priorkit.training.symptoms import NoticedSymptom, Symptom

__all__ = [
    "NoticedSymptom",
    "Observer",
    "Review",
    "Session",
    "Symptom",
    "images_seen",
    "last_step",
    "require_steps_taken",
    "run_session",
]
