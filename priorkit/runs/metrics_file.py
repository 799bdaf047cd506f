"""Reads `metrics.jsonl`: a line for each measurement of a run."""

import json
from collections.abc import Iterator
from typing import Any

from priorkit.errors import RunFolderError
from priorkit.runs.folder import RunFolder, explained_os_errors
from priorkit.whole_files import open_regular, read_regular

__all__ = ["each_measurement", "parse_measurement", "read_metrics"]

_LARGEST = 1e18
"""Upper limit of the numbers of steps, images and seconds."""
_LONGEST_LINE = 2**20
"""Maximal number of bytes of a measurement's line."""


def read_metrics(folder: RunFolder, *, strict: bool = False) -> list[dict[str, float]]:
    """Reads the rows of `metrics.jsonl`; a last line that a crash cut short is left out.

    Args:
        folder: The run.
        strict: Whether other invalid lines are an error; otherwise they are left out, too.

    Raises:
        RunFolderError: The file cannot be read, or `strict` is True and a line is not a measurement.

    Examples:
        >>> from pathlib import Path
        >>> from priorkit.runs import RunFolder, read_metrics
        >>> rows = read_metrics(RunFolder.open(Path("runs/first")))
        >>> rows[-1]["step"], rows[-1]["images"], "held_out/sample_distance" in rows[-1]
        (2, 16, True)
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
                # No end of line: a crash truncated it.
                break
        if _is_measurement(row):
            rows.append(row)
        elif strict:
            raise RunFolderError(
                f"line {number} of {str(folder.metrics)!r} is not a measurement of this run: {line[:60]!r}; mend or "
                "remove that line (and keep a copy if you need it), then try again"
            )
    return rows


def each_measurement(folder: RunFolder) -> Iterator[dict[str, float]]:
    """Yields the rows of `metrics.jsonl` one by one, in little memory; lines that are not measurements are left out.

    Raises:
        RunFolderError: The file cannot be read.
    """
    with explained_os_errors("read the run's metrics", None):
        if not folder.metrics.exists():
            return
        with open_regular(folder.metrics) as file:
            begun = False
            while line := file.readline(_LONGEST_LINE):
                # A part of an overlong line is not a measurement.
                ended = line.endswith(b"\n") or len(line) < _LONGEST_LINE
                whole, begun = ended and not begun, not ended
                row = parse_measurement(line) if whole else None
                if row is not None:
                    yield row


def parse_measurement(line: bytes) -> dict[str, float] | None:
    """Parses a line of `metrics.jsonl`; returns None if it is not a measurement."""
    try:
        row: Any = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return row if _is_measurement(row) else None


def _is_measurement(row: Any) -> bool:
    return (
        isinstance(row, dict)
        and {"step", "images", "seconds"} <= row.keys()
        and all(isinstance(value, int | float) and not isinstance(value, bool) for value in row.values())
        # Losses may be infinite or not a number; what counts them may not, nor may any number exceed every float.
        and all(abs(row[key]) < _LARGEST for key in ("step", "images", "seconds"))
        and all(isinstance(value, float) or abs(value) < _LARGEST for value in row.values())
    )
