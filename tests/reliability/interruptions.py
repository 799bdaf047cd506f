"""Trainings that are killed, stopped by signals, or find the disk full."""

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
    """Returns as many numbers from 1 to `total` as there are trials: all of them, if there are enough trials."""
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
    """Kills the process before a file operation, or within a write."""
    return _at_operations(folder, random, trials, "kill")


def full_disk(folder: Path, random: Random, trials: int) -> Iterator[str | None]:
    """Makes one file operation find the disk full."""
    return _at_operations(folder, random, trials, "full")


def killed_at_random(folder: Path, random: Random, trials: int) -> Iterator[str | None]:
    """Kills the process at a random time."""
    reference = make_reference(folder)
    for number in range(trials):
        path = folder / f"run-{number}"
        moment = random.uniform(0, reference.seconds)
        run_command([*TRAIN, "--out", str(path)], send=(moment, signal.SIGKILL))
        failure = completed(path, reference)
        yield failure and f"after {moment:.3f} s: {failure}"
        shutil.rmtree(path, ignore_errors=True)


def signals(folder: Path, random: Random, trials: int) -> Iterator[str | None]:
    """Sends Ctrl-C or SIGTERM at a random time."""
    reference = make_reference(folder)
    for number in range(trials):
        path, sent = folder / f"run-{number}", random.choice((signal.SIGINT, signal.SIGTERM))
        moment = random.uniform(0, reference.seconds)
        ended = run_command([*TRAIN, "--out", str(path)], send=(moment, sent))
        # Before the training begins, SIGTERM ends the process as it ends any other.
        told = ended.tells or (ended.status is None and sent is signal.SIGTERM)
        failure = None if told else f"it ended with {ended.status}: {ended.output.strip()[-300:]}"
        failure = failure or completed(path, reference)
        yield failure and f"{sent.name} after {moment:.3f} s: {failure}"
        shutil.rmtree(path, ignore_errors=True)


TRIALS = (
    Trial(
        "killed-at-operations",
        "killed before a file operation, then resumed: the same run, bit for bit",
        12,
        100,
        killed_at_operations,
    ),
    Trial("killed-at-random", "killed at a random time, then resumed: likewise", 6, 100, killed_at_random),
    Trial("signals", "Ctrl-C or SIGTERM at a random time, then resumed: likewise", 6, 60, signals),
    Trial("full-disk", "the disk is full at a file operation: one line; then resumed: likewise", 12, 171, full_disk),
)
