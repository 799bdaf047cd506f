"""What people see while something runs: lines, tables, bars, pictures."""

from priorkit.display.console import Console
from priorkit.display.progress_choice import progress_for

__all__ = ["Console", "progress_for"]
