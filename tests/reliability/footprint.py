"""The memory and the open files of a long training."""

import os
import resource
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random

from runs import TRAIN
from trial import Trial

from children import Running

__all__ = ["TRIALS"]

_WARM_UP = 0.3
"""Share of the steps after which a training has allocated all that it needs."""
_MEBIBYTES = 16.0
"""Tolerated growth of memory, for the allocator itself."""
_INTERVAL = 0.05


def _taken(process: int) -> tuple[float, int]:
    """Returns the memory of a process in MiB, and its number of open files."""
    pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20, len(list(Path(f"/proc/{process}/fd").iterdir()))


def _steps(path: Path) -> int:
    metrics = path / "metrics.jsonl"
    return metrics.read_text().count('"loss/') if metrics.exists() else 0


def flat_memory(folder: Path, random: Random, trials: int) -> Iterator[str | None]:
    """Measures one training, with as many steps as trials."""
    path, found = folder / "run", []
    length = ("--steps", str(trials), "--log-every", "1", "--checkpoint-every", "50", "--sample-every", "50")
    running = Running([*TRAIN, *length, "--seed", str(random.randrange(1000)), "--out", str(path)])
    while not os.waitid(os.P_PID, running.process, os.WEXITED | os.WNOHANG | os.WNOWAIT):
        try:
            found.append((_steps(path), *_taken(running.process)))
        except (FileNotFoundError, ProcessLookupError):
            break
        time.sleep(_INTERVAL)
    ended = running.ended(within=running.seconds + 60)
    yield ended.fault(may=(0,))
    warm = [(memory, files) for steps, memory, files in found if _WARM_UP * trials <= steps < trials]
    third = max(1, len(warm) // 3)
    for what, unit, slack, values in (
        ("memory", "MiB", _MEBIBYTES, [memory for memory, _ in warm]),
        ("open files", "files", 0, [float(files) for _, files in warm]),
    ):
        early, late = sorted(values[:third]), sorted(values[-third:])
        if not values:
            yield f"{what}: the training ended before it could be measured"
            continue
        # Medians, because a checkpoint is written now and then.
        grown = late[len(late) // 2] - early[len(early) // 2]
        yield f"{what} grew by {grown:.0f} {unit} in {trials} steps" if grown > slack else None


TRIALS = (
    Trial(
        "flat-memory",
        "one training with as many steps as trials: its memory and its open files do not grow (3 judgements)",
        200,
        5000,
        flat_memory,
    ),
)
