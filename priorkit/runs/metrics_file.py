"""Reads `metrics.jsonl`: a line for each measurement of a run."""

import json
from typing import Any

from priorkit.errors import RunFolderError
from priorkit.runs.folder import RunFolder, explained_os_errors
from priorkit.whole_files import read_regular

__all__ = ["read_metrics"]


def read_metrics(folder: RunFolder, *, strict: bool = False) -> list[dict[str, float]]:
    """The rows of `metrics.jsonl`; a last line that a crash cut short is left out.

    Args:
        folder: The run.
        strict: Whether other lines that are no measurements are an error; otherwise they are left out as well.

    Raises:
        RunFolderError: The file cannot be read, or `strict` and a line in it is no measurement.
    """
    with explained_os_errors("read the run's metrics"):
        lines = read_regular(folder.metrics).split(b"\n") if folder.metrics.exists() else []
    rows: list[dict[str, float]] = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            row: Any = json.loads(line)
        except (ValueError, RecursionError):
            row = line
            if number == len(lines):
                # No end of line: a crash cut it short.
                break
        if _is_measurement(row):
            rows.append(row)
        elif strict:
            raise RunFolderError(
                f"line {number} of {str(folder.metrics)!r} is no measurement of this run: {line[:60]!r}; mend or "
                "remove that line (and keep a copy if you need it), then go on"
            )
    return rows


def _is_measurement(row: Any) -> bool:
    return (
        isinstance(row, dict)
        and {"step", "images", "seconds"} <= row.keys()
        and all(isinstance(value, int | float) and not isinstance(value, bool) for value in row.values())
    )
