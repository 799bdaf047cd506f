"""What people see while something runs: lines, tables, bars, pictures.

Displays of trainings are imported where they are used (`priorkit.display.progress_choice`): they need torch.
"""

from priorkit.display.console import Console

__all__ = ["Console"]
