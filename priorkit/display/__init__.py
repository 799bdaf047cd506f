"""Output for people while something runs: lines, tables, bars, pictures.

Displays of trainings need torch, so they are imported where they are used (`priorkit.display.progress_choice`).
"""

from priorkit.display.console import Console

__all__ = ["Console"]
