"""Follows a run's growing `metrics.jsonl`: only new lines are read."""

import os
from collections import deque
from pathlib import Path

from priorkit.runs.metrics_file import parse_measurement
from priorkit.runs.report_findings import symptom_lines
from priorkit.watching.growing_curve import GrowingCurve
from priorkit.whole_files import open_regular

__all__ = ["Measurements"]

_AT_ONCE = 2**22
"""Number of bytes to read at once."""
_MARK = 256
"""Number of bytes before the current position that are compared to notice a replaced file."""
_PACE = 20
"""Number of measurements to compute the speed from; more would include the speed of earlier stages."""
_MOST_WARNINGS = 50
_HELD_OUT = "held_out/"
_COUNTS = ("step", "images", "seconds")


class Measurements:
    """The measurements of a run so far.

    Attributes:
        curves: The curve of each measurement by its key.
        last: Step, images and seconds of the last row; zeros before the first row.
        held_out: The last held-out scores, by name.
        warnings: The warnings of the training, in words.
        changes: Number of changes so far.
    """

    def __init__(self) -> None:
        self.changes = 0
        self._forget()

    def _forget(self) -> None:
        self.curves: dict[str, GrowingCurve] = {}
        self.last: dict[str, float] = dict.fromkeys(_COUNTS, 0)
        self.held_out: dict[str, float] = {}
        self.warnings: list[str] = []
        self._read, self._mark, self._identity = 0, b"", (0, 0)
        self._times: deque[tuple[float, float]] = deque(maxlen=_PACE)

    @property
    def seconds_a_step(self) -> float | None:
        """The current duration of a step in seconds; None if unknown."""
        if len(self._times) < 2:
            return None
        (step, seconds), (now, then) = self._times[0], self._times[-1]
        return (then - seconds) / (now - step) if now > step and then > seconds else None

    def refresh(self, file: Path) -> None:
        """Reads new lines of the file; reads the whole file if it has been replaced.

        Resuming a run rewrites its file, without the lines of steps that are repeated.

        Raises:
            OSError: The file cannot be read. A missing file counts as empty.
        """
        try:
            opened = open_regular(file)
        except FileNotFoundError:
            if self._read:
                self._forget()
                self.changes += 1
            return
        with opened:
            found = os.fstat(opened.fileno())
            begin = self._read - len(self._mark)
            opened.seek(begin)
            if self._identity != (found.st_dev, found.st_ino) or opened.read(len(self._mark)) != self._mark:
                self._forget()
                self._identity = (found.st_dev, found.st_ino)
                self.changes += 1
            opened.seek(self._read)
            while part := opened.read(_AT_ONCE):
                whole = part.rfind(b"\n") + 1
                if not whole:
                    if len(part) == _AT_ONCE:
                        # Measurements are never this long.
                        self._read += len(part)
                        self._mark = part[-_MARK:]
                        continue
                    # The line is still being written, or a crash has cut it short.
                    break
                for line in part[:whole].splitlines():
                    self._take(line)
                self._read += whole
                self._mark = (self._mark + part[:whole])[-_MARK:]
                self.changes += 1
                opened.seek(self._read)

    def _take(self, line: bytes) -> None:
        row = parse_measurement(line)
        if row is None:
            return
        self.last = {name: row[name] for name in _COUNTS}
        self._times.append((row["step"], row["seconds"]))
        reviewed = {name.removeprefix(_HELD_OUT): value for name, value in row.items() if name.startswith(_HELD_OUT)}
        self.held_out = reviewed or self.held_out
        self.warnings += symptom_lines(row)[: _MOST_WARNINGS - len(self.warnings)]
        for name, value in row.items():
            if name not in _COUNTS:
                self.curves.setdefault(name, GrowingCurve()).add(row["step"], row["images"], value)
