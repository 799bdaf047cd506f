"""The command line: parses arguments, prints results and shows progress."""

from priorkit.cli.commands import main

__all__ = ["main"]
