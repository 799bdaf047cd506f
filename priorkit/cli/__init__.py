"""The command line: parses, prints, draws progress."""

from priorkit.cli.commands import main

__all__ = ["main"]
