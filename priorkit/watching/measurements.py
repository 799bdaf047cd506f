"""A run's `metrics.jsonl` as it grows: only what is new is read."""

import os
from collections import deque
from pathlib import Path

from priorkit.runs.metrics_file import parse_measurement
from priorkit.runs.report_findings import symptom_lines
from priorkit.watching.growing_curve import GrowingCurve
from priorkit.whole_files import open_regular

__all__ = ["Measurements"]

_AT_ONCE = 2**22
"""Bytes that are read at once."""
_MARK = 256
"""Bytes before the place that has been read up to, by which another file is told."""
_PACE = 20
"""Measurements from which the pace is taken: more would remember how fast other stages were."""
_MOST_WARNINGS = 50
_HELD_OUT = "held_out/"
_COUNTS = ("step", "images", "seconds")


class Measurements:
    """What a run has measured so far.

    Attributes:
        curves: Every measurement's curve by its key.
        last: The last row's step, images and seconds; zeros before the first.
        held_out: The last held-out scores, by name.
        warnings: What training warned of, in words.
        changes: How often something has changed.
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
        """How long a step takes now; None where that is not known."""
        if len(self._times) < 2:
            return None
        (step, seconds), (now, then) = self._times[0], self._times[-1]
        return (then - seconds) / (now - step) if now > step and then > seconds else None

    def refresh(self, file: Path) -> None:
        """Reads what has been added to the file; all of it, if it is another one than it was.

        A run that is gone on with has its file written anew, without the lines that will be done again.

        Raises:
            OSError: The file cannot be read; one that is not there holds nothing.
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
                        # No measurement is so long.
                        self._read += len(part)
                        self._mark = part[-_MARK:]
                        continue
                    # The end of a line is being written, or a crash has cut it short.
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
