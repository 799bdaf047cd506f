"""The runs that are watched, each under a number: the page asks for numbers, and never for files."""

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
"""Seconds for first looks at runs within one refresh: of hundreds, the rest follow in the next."""
_BETWEEN = 0.5
"""Seconds between two refreshes, at least, however many pages ask."""
_REST = 10.0
"""How much longer the folders are left alone than it took to search them: at least a second."""


class RunTable:
    """Runs below folders: those that are there, those that appear, and those that have been there.

    Nothing is read until somebody asks. Threads may share it.

    Args:
        folders: Run folders, or folders that hold some, at any depth.

    Raises:
        RunFolderError: One of them is not there.
    """

    def __init__(self, folders: Sequence[Path]) -> None:
        for folder in folders:
            if not folder.is_dir():
                raise RunFolderError(
                    f"no folder {str(folder)!r} to watch; name runs, or a folder that they lie in: priorkit watch runs"
                )
        self.folders = tuple(folders)
        self._runs: dict[Path, WatchedRun] = {}
        self._lock = threading.Lock()
        self._searched_at = self._search_took = self._refreshed_at = -float("inf")

    @contextmanager
    def _looked_at(self) -> Iterator[list[WatchedRun]]:
        """The runs as they are now; nobody else reads meanwhile."""
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
                # Named twice, or below two of the folders, it is still one run.
                resolved = path.resolve()
                if resolved not in self._runs:
                    self._runs[resolved] = WatchedRun(len(self._runs) + 1, path, self._name(folder, path))

    def _name(self, folder: Path, path: Path) -> str:
        # Of several folders, runs may share names.
        whose = [folder.resolve().name] if len(self.folders) > 1 else []
        inside = str(Path(*whose, path.relative_to(folder))) if path != folder else path.resolve().name
        taken = {run.name for run in self._runs.values()}
        return inside if inside not in taken else str(path) if str(path) not in taken else str(path.resolve())

    def as_data(self) -> dict[str, Any]:
        """All runs, those that have changed last first, and the folders that are not there (any more)."""
        with self._looked_at() as runs:
            listed = sorted((run.as_data() for run in runs), key=lambda told: -(told["updated"] or 0.0))
        listed.sort(key=lambda told: told["state"] != "running")
        missing = [str(folder) for folder in self.folders if not folder.is_dir()]
        return {"runs": listed, "missing": missing, "now": time.time()}

    def details(self, numbers: Sequence[int]) -> list[dict[str, Any]]:
        """What is told of chosen runs, in the order of their numbers as given."""
        with self._looked_at() as runs:
            known = {run.number: run for run in runs}
            return [known[number].details() for number in numbers if number in known]

    def curves(self, numbers: Sequence[int], across: str, known: str) -> dict[str, Any] | None:
        """The curves of chosen runs, those of one measurement in one panel.

        Args:
            numbers: Which runs.
            across: What is counted horizontally: `step` or `images`.
            known: The `key` of those that the page has.

        Returns:
            The `panels` and their `key`; None if they are as the page has them.
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
        """The run of a number, if there is one."""
        with self._lock:
            return next((run for run in self._runs.values() if run.number == number), None)
