"""The command line: parses, prints, draws progress."""

from priorkit.cli.main import main

__all__ = ["main"]
