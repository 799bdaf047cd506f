"""Chooses the display of a training for the place where Python code runs: a notebook, a terminal, or neither."""

import sys

from priorkit.display.console import Console
from priorkit.display.notebook import NotebookProgress
from priorkit.display.progress import Progress

__all__ = ["progress_for"]


def progress_for(shown: bool | None, unit: str = "images") -> Progress | NotebookProgress | None:
    """Returns the display of a training.

    Args:
        shown: Whether to show progress; None shows it in a notebook or on a terminal.
        unit: The items of batches: `images` or `codes`.

    Returns:
        In a notebook, a bar with losses and the last samples; elsewhere a bar on a terminal, or lines. None if nothing
        is to be shown.
    """
    if shown is False:
        return None
    if _in_notebook():
        return NotebookProgress(unit)
    console = Console()
    return Progress(console, unit) if shown or console.is_terminal else None


def _in_notebook() -> bool:
    """Whether a Jupyter kernel runs this code; a kernel has imported IPython."""
    interactive = sys.modules.get("IPython")
    shell = interactive.get_ipython() if interactive is not None else None
    return shell is not None and hasattr(shell, "kernel")
