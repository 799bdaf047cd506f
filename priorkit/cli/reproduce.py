"""`priorkit reproduce`."""

from __future__ import annotations

import shlex
import signal
from collections.abc import Sequence
from typing import TYPE_CHECKING

from priorkit.cli.study_flags import StudyArguments, parse_study_arguments
from priorkit.display.console import Console
from priorkit.registry import Registry

if TYPE_CHECKING:
    from priorkit.studies import Request, Results

__all__ = ["carry_out_study", "reproduce_command"]

_STATUS = {"interrupted": 128 + signal.SIGINT, "terminated": 128 + signal.SIGTERM}


def reproduce_command(arguments: Sequence[str], registry: Registry) -> int:
    """Runs or resumes one of the paper's studies; returns the exit status."""
    asked = parse_study_arguments(arguments, registry)
    return carry_out_study(asked, ["priorkit", "reproduce", *arguments], registry)


def carry_out_study(asked: StudyArguments, command: Sequence[str], registry: Registry) -> int:
    """Carries out a study, and prints its progress and results; returns the exit status.

    Args:
        asked: The parsed arguments.
        command: The command that resumes the study.
        registry: Where components come from.
    """
    if asked.request is None:
        print(asked.help, end="")
        return 0
    from priorkit.cli.memory import keep_freed_memory
    from priorkit.cli.study_progress import StudyProgress
    from priorkit.studies import gather_results, reproduce

    console = Console(as_json=asked.json, quiet=asked.quiet)
    progress = StudyProgress(console, asked.request)
    keep_freed_memory()
    try:
        done = reproduce(asked.request, progress, jobs=asked.jobs, registry=registry)
        results, stopped = done.results, done.stopped
    except KeyboardInterrupt:
        if not (asked.request.out / "study.json").is_file():
            raise
        results, stopped = gather_results(asked.request), "interrupted"
    finally:
        progress.close()
    console.data({"event": "end", "stopped": stopped, "folder": str(asked.request.out), **results.as_data()})
    _show(results, asked.request, console)
    console.result(asked.request.out)
    if stopped:
        console.line(f"\n{stopped}; all checkpoints are saved; resume with the same command: {shlex.join(command)}")
        return _STATUS[stopped]
    return 0


def _show(results: Results, request: Request, console: Console) -> None:
    console.line(f"\n{results.title}")
    console.columns(*results.cells(results.main_labels))
    for note in results.notes:
        console.line(note)
    console.line(f"\nin {request.out}: table.html, table.md, table.json and pictures; each run has its own run folder")
