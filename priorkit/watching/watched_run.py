"""The current state of a watched run, read again when its folder has changed."""

import math
import os
import time
from pathlib import Path
from typing import Any

from priorkit.config import RunConfig, format_duration
from priorkit.errors import PriorkitError
from priorkit.plugins.wording import in_one_line
from priorkit.runs import RunFolder
from priorkit.runs.report import kept_pictures
from priorkit.runs.report_words import run_sentence
from priorkit.runs.training_lock import is_training
from priorkit.studies import DIVERGED, summarise_run
from priorkit.training import last_step
from priorkit.watching.measurements import Measurements

__all__ = ["PICTURES", "WatchedRun"]

PICTURES = ("samples", "reconstructions")
_ENDED = ("complete", "stopped", "diverged")


class WatchedRun:
    """A run folder that is read again and again; whatever happens to it becomes a state, not an error.

    Args:
        number: The run's number on the page.
        path: The folder.
        name: The run's name on the page.

    Attributes:
        state: `waiting` before the first read; `running` while a process trains the run; `complete`, `stopped` or
            `diverged`; `unreadable`, for the reason in `error`; `gone` if the folder was removed.
        measurements: The run's measurements.
    """

    def __init__(self, number: int, path: Path, name: str) -> None:
        self.number = number
        self.name = name
        self.folder = RunFolder(path)
        self.state = "waiting"
        self.error = ""
        self.measurements = Measurements()
        self._of: tuple[Any, ...] = ()
        self._ended_as: tuple[Any, ...] = ()
        self._config: RunConfig | None = None
        self._sentence = ""
        self._end: int | None = None
        self._evaluated: list[dict[str, Any]] = []
        self._updated: float | None = None

    def refresh(self) -> None:
        """Reads the folder; unchanged files are not read again."""
        try:
            self._refresh()
        except FileNotFoundError as error:
            self._fail(error)
        except (PriorkitError, OSError) as error:
            self._fail(error)
        except Exception as error:
            # A file was changed in an unforeseen way: the run's row says so, and other runs are not affected.
            self._fail(error, f"{type(error).__name__}: ")

    def _fail(self, error: Exception, kind: str = "") -> None:
        # While a folder is being removed, some of its files are missing already.
        self.state = "unreadable" if self.folder.path.is_dir() else "gone"
        self.error = in_one_line(f"{kind}{error}") if self.state == "unreadable" else ""
        self._of = self._ended_as = ()

    def _refresh(self) -> None:
        folder = self.folder
        if not folder.path.is_dir():
            self.state, self.error = "gone", ""
            self._of = self._ended_as = ()
            return
        # Checked first, so that a training that ends meanwhile is read once more.
        running = is_training(folder.path)
        made = _stamps(folder.config, folder.environment)
        if made != self._of:
            RunFolder.open(folder.path)
            config, environment = folder.read_config(), folder.read_environment()
            self._sentence = run_sentence(config, environment)
            self._end = last_step(config, int(environment["data"]["train"]))
            self._config, self._of, self._ended_as = config, made, ()
        self.measurements.refresh(folder.metrics)
        self._updated = folder.metrics.stat().st_mtime if folder.metrics.exists() else None
        if running:
            self.state, self._ended_as = "running", ()
        else:
            # The files that tell how a run ended.
            now = _stamps(
                folder.metrics, folder.path / "checkpoints" / "last.json", folder.scores, folder.path / DIVERGED
            )
            if now != self._ended_as or self.state not in _ENDED:
                summary = summarise_run(folder.path)
                self.state, self._evaluated, self._ended_as = summary.state, summary.evaluated, now
        self.error = ""

    def as_data(self) -> dict[str, Any]:
        """Returns the run's row in the list, as plain values for JSON."""
        config, last = self._config, self.measurements.last
        fraction, left = self._progress()
        return {
            "id": self.number,
            "name": self.name,
            "state": self.state,
            "error": self.error,
            "about": "" if config is None else f"{config.prior.name} prior, {config.dataset.name}",
            "step": int(last["step"]),
            "steps": self._end,
            "seconds": format_duration(last["seconds"]),
            "fraction": fraction,
            "left": None if left is None else format_duration(left),
            "updated": self._updated,
            "held_out": {name.replace("_", " "): _shown(value) for name, value in self.measurements.held_out.items()},
            "warnings": len(self.measurements.warnings),
            "report": self.state != "gone" and self.folder.report.is_file(),
        }

    def details(self) -> dict[str, Any]:
        """Returns the run's details, shown when it is chosen, as plain values for JSON."""
        pictures = {} if self.state == "gone" else {kind: self._pictures(kind) for kind in PICTURES}
        return {
            "id": self.number,
            "name": self.name,
            "sentence": self._sentence,
            "warnings": self.measurements.warnings,
            "pictures": pictures,
            "evaluated": [
                {"label": item["label"], "value": _shown(item["value"])}
                for item in self._evaluated
                if isinstance(item.get("value"), int | float)
            ],
        }

    def _pictures(self, kind: str) -> list[list[int]]:
        """Returns the steps of the pictures of a kind, each with a number that changes when the picture is replaced."""
        found = []
        for step, path in kept_pictures(self.folder, kind):
            try:
                found.append([step, path.stat().st_mtime_ns // 1_000_000])
            except OSError:
                continue
        return found

    def _progress(self) -> tuple[float | None, float | None]:
        """Returns the completed share, and the remaining seconds; None for unknown values."""
        if self.state == "complete":
            return 1.0, None
        config, last = self._config, self.measurements.last
        if config is None:
            return None, None
        shares, left, pace = [], [], self.measurements.seconds_a_step
        if self._end:
            shares.append(last["step"] / self._end)
            if pace is not None:
                left.append((self._end - last["step"]) * pace)
        if config.max_time:
            shares.append(last["seconds"] / config.max_time)
            left.append(config.max_time - last["seconds"])
        share = min(1.0, max(shares)) if shares else None
        if self.state != "running" or not left:
            return share, None
        waited = time.time() - self._updated if self._updated is not None else 0.0
        return share, max(0.0, min(left) - max(0.0, waited))


def _stamps(*files: Path) -> tuple[Any, ...]:
    """Returns a stamp of each file, to notice changes."""
    return tuple(_stamp(file) for file in files)


def _stamp(file: Path) -> tuple[int, int, int] | None:
    try:
        found = os.stat(file)  # noqa: PTH116
    except FileNotFoundError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def _shown(value: float) -> str:
    return f"{value:.4g}" if math.isfinite(value) else str(value)
