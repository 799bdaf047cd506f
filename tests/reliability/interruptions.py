"""Runs that are killed, stopped by signals, or that find the disk full."""

import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from random import Random

from operations import Operations
from runs import TRAIN, completed, make_reference
from trial import Trial

from children import count_operations, run_command

__all__ = ["TRIALS"]


def _spread(total: int, trials: int, random: Random) -> list[int]:
    """Numbers from 1 to `total`: all of them, or as many as there are trials, evenly spread."""
    if trials >= total:
        return list(range(1, total + 1)) + [random.randint(1, total) for _ in range(trials - total)]
    return sorted(random.sample(range(1, total + 1), trials))


def _at_operations(folder: Path, random: Random, trials: int, action: str) -> Iterator[str | None]:
    reference = make_reference(folder)
    total = count_operations([*TRAIN, "--out", str(folder / "counted")])
    for number in _spread(total, trials, random):
        path = folder / f"run-{number}"
        ended = run_command([*TRAIN, "--out", str(path)], operations=Operations(number, action))
        told = ended.status is None if action == "kill" else ended.tells and ended.status != 1
        failure = None if told else f"it ended with {ended.status}: {ended.output.strip()[-300:]}"
        failure = failure or completed(path, reference)
        yield failure and f"operation {number} of {total}: {failure}"
        shutil.rmtree(path, ignore_errors=True)


def killed_at_operations(folder: Path, random: Random, trials: int) -> Iterator[str | None]:
    """The process is killed before an operation on files."""
    return _at_operations(folder, random, trials, "kill")


def full_disk(folder: Path, random: Random, trials: int) -> Iterator[str | None]:
    """An operation on files finds the disk full."""
    return _at_operations(folder, random, trials, "full")


def killed_at_random(folder: Path, random: Random, trials: int) -> Iterator[str | None]:
    """The process is killed at some time."""
    reference = make_reference(folder)
    for number in range(trials):
        path = folder / f"run-{number}"
        moment = random.uniform(0, reference.seconds)
        run_command([*TRAIN, "--out", str(path)], send=(moment, signal.SIGKILL))
        failure = completed(path, reference)
        yield failure and f"after {moment:.3f} s: {failure}"
        shutil.rmtree(path, ignore_errors=True)


def signals(folder: Path, random: Random, trials: int) -> Iterator[str | None]:
    """Ctrl-C or SIGTERM comes at some time."""
    reference = make_reference(folder)
    for number in range(trials):
        path, sent = folder / f"run-{number}", random.choice((signal.SIGINT, signal.SIGTERM))
        moment = random.uniform(0, reference.seconds)
        ended = run_command([*TRAIN, "--out", str(path)], send=(moment, sent))
        # SIGTERM ends a process that has not begun to train as it ends any other.
        told = ended.tells or (ended.status is None and sent is signal.SIGTERM)
        failure = None if told else f"it ended with {ended.status}: {ended.output.strip()[-300:]}"
        failure = failure or completed(path, reference)
        yield failure and f"{sent.name} after {moment:.3f} s: {failure}"
        shutil.rmtree(path, ignore_errors=True)


TRIALS = (
    Trial(
        "killed-at-operations",
        "killed before an operation on files; then brought to its end: the same run, bit for bit",
        12,
        100,
        killed_at_operations,
    ),
    Trial("killed-at-random", "killed at some time; likewise", 6, 100, killed_at_random),
    Trial("signals", "Ctrl-C or SIGTERM at some time; likewise", 6, 60, signals),
    Trial("full-disk", "the disk is full at an operation on files: one line; then likewise", 12, 171, full_disk),
)
