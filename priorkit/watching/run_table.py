"""The watched runs, each with a number: the page requests runs by number, never files by path."""

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from priorkit.errors import RunFolderError
from priorkit.pages import panels_of_curves
from priorkit.watching.discovery import runs_below
from priorkit.watching.watched_run import WatchedRun

__all__ = ["RunTable"]

_PATIENCE = 2.0
"""Seconds that one refresh spends on reading new runs; of hundreds of runs, the next refresh reads the rest."""
_BETWEEN = 0.5
"""Minimal time in seconds between two refreshes, however many pages are open."""
_REST = 10.0
"""The pause between two searches of the folders, as a multiple of a search's duration; at least a second."""


class RunTable:
    """The runs below folders, including new runs and removed runs.

    Files are read only when a page requests data. Threads may share a table.

    Args:
        folders: Run folders, or folders with run folders below them.

    Raises:
        RunFolderError: A folder does not exist.
    """

    def __init__(self, folders: Sequence[Path]) -> None:
        for folder in folders:
            if not folder.is_dir():
                raise RunFolderError(
                    f"no folder {str(folder)!r} to watch; name runs, or a folder with runs: priorkit watch runs"
                )
        self.folders = tuple(folders)
        self._runs: dict[Path, WatchedRun] = {}
        self._lock = threading.Lock()
        self._searched_at = self._search_took = self._refreshed_at = -float("inf")

    @contextmanager
    def _looked_at(self) -> Iterator[list[WatchedRun]]:
        """Yields the up-to-date runs, while other threads wait."""
        with self._lock:
            now = time.monotonic()
            if now - self._searched_at > max(1.0, _REST * self._search_took):
                self._search()
                self._searched_at, self._search_took = time.monotonic(), time.monotonic() - now
            if time.monotonic() - self._refreshed_at > _BETWEEN:
                begun = time.monotonic()
                for run in self._runs.values():
                    if run.state != "waiting" or time.monotonic() - begun < _PATIENCE:
                        run.refresh()
                self._refreshed_at = time.monotonic()
            yield list(self._runs.values())

    def _search(self) -> None:
        for folder in self.folders:
            for path in runs_below(folder):
                # A run that is named twice, or lies below two of the folders, is listed once.
                resolved = path.resolve()
                if resolved not in self._runs:
                    self._runs[resolved] = WatchedRun(len(self._runs) + 1, path, self._name(folder, path))

    def _name(self, folder: Path, path: Path) -> str:
        # Runs in different folders may have the same name.
        whose = [folder.resolve().name] if len(self.folders) > 1 else []
        inside = str(Path(*whose, path.relative_to(folder))) if path != folder else path.resolve().name
        taken = {run.name for run in self._runs.values()}
        return inside if inside not in taken else str(path) if str(path) not in taken else str(path.resolve())

    def as_data(self) -> dict[str, Any]:
        """Returns all runs, the most recently changed first, and the missing folders."""
        with self._looked_at() as runs:
            listed = sorted((run.as_data() for run in runs), key=lambda told: -(told["updated"] or 0.0))
        listed.sort(key=lambda told: told["state"] != "running")
        missing = [str(folder) for folder in self.folders if not folder.is_dir()]
        return {"runs": listed, "missing": missing, "now": time.time()}

    def details(self, numbers: Sequence[int]) -> list[dict[str, Any]]:
        """Returns the details of chosen runs, in the order of the given numbers."""
        with self._looked_at() as runs:
            known = {run.number: run for run in runs}
            return [known[number].details() for number in numbers if number in known]

    def curves(self, numbers: Sequence[int], across: str, known: str) -> dict[str, Any] | None:
        """Returns the curves of chosen runs, with one panel for each measurement.

        Args:
            numbers: The numbers of the runs.
            across: The unit of the horizontal axis: `step` or `images`.
            known: The `key` of the curves that the page already has.

        Returns:
            The `panels` and their `key`; None if the page's curves are up to date.
        """
        with self._looked_at() as runs:
            by_number = {run.number: run for run in runs}
            chosen = [by_number[number] for number in numbers if number in by_number]
            key = ",".join([across, *(f"{run.number}:{run.measurements.changes}" for run in chosen)])
            if key == known:
                return None
            several = len(chosen) > 1
            curves = {
                run.name if several else "": {
                    name: curve.points(across) for name, curve in run.measurements.curves.items()
                }
                for run in chosen
            }
        panels = [
            {"section": panel.section, "title": panel.title, "in_words": panel.in_words, **panel.as_data()}
            for panel in panels_of_curves(curves, across=across)
        ]
        return {"key": key, "panels": panels}

    def find(self, number: int) -> WatchedRun | None:
        """Returns the run with a number; None if there is none."""
        with self._lock:
            return next((run for run in self._runs.values() if run.number == number), None)
