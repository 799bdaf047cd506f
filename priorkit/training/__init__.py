"""Trains a system: phases, the session, the loop and its observers."""

from priorkit.training.length import images_seen, last_step, require_steps_taken
from priorkit.training.loop import Observer, run_session
from priorkit.training.review import Review
from priorkit.training.session import Session

__all__ = [
    "Observer",
    "Review",
    "Session",
    "images_seen",
    "last_step",
    "require_steps_taken",
    "run_session",
]
