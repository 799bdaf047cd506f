"""Subjects runs to mishaps, and prints a table: `python tests/reliability [NAME ...] [--long] [--seed N]`."""

import argparse
import os
import resource
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from random import Random

import clocks
import damage
import footprint
import fuzzed_files
import fuzzed_lines
import hostile_files
import hostile_names
import interruptions
import limits
import permissions
import ranks
import relocation
import removals
import rivals
from trial import Trial

from children import import_beforehand

__all__ = ["main", "tried"]

_MODULES = (
    *(interruptions, damage, ranks, limits, permissions, removals, clocks, rivals),
    *(hostile_files, hostile_names, fuzzed_lines, fuzzed_files, footprint, relocation),
)
_TRIALS = {trial.name: trial for module in _MODULES for trial in module.TRIALS}


def tried(trial: Trial, trials: int, seed: int) -> tuple[int, list[str]]:
    """Makes the trials of one kind. Returns their number and a description of each failure."""
    with tempfile.TemporaryDirectory() as folder:
        found = list(trial.run(Path(folder), Random(f"{trial.name} {seed}"), trials))
    return len(found), [failure for failure in found if failure is not None]


def _processor_time() -> float:
    """Returns the processor time in seconds of this process and of those child processes that have ended."""
    usages = [resource.getrusage(whose) for whose in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def _row(what: str, numbers: Sequence[float]) -> str:
    return "|".join(["", f" {what} ", *(f" {number:.0f} " for number in numbers), ""])


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser("python tests/reliability", description="Subjects runs to mishaps.")
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help=f"kinds of trials; all by default: {', '.join(_TRIALS)}"
    )
    parser.add_argument(
        "--long", action="store_true", help="make as many trials as in the table of docs/reliability.md"
    )
    parser.add_argument(
        "--trials", type=int, metavar="N", help="trials of each kind (with damaged-files, of each file)"
    )
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="seed of the random moments, places and bits")
    asked = parser.parse_args(arguments)
    unknown = [name for name in asked.names if name not in _TRIALS]
    if unknown:
        parser.error(f"no trial {unknown[0]!r}; there are {', '.join(_TRIALS)}")

    import torch

    # Children are forked, and threads do not survive a fork. Programs that children start get one thread, too.
    os.environ["OMP_NUM_THREADS"] = "1"
    torch.set_num_threads(1)
    import_beforehand()

    every = [0, 0, 0.0, 0.0]
    print("| what | trials | failures | seconds | processor time (s) |\n|---|---|---|---|---|", flush=True)
    for name in asked.names or _TRIALS:
        trial, began, taken = _TRIALS[name], time.monotonic(), _processor_time()
        count, failures = tried(trial, asked.trials or (trial.long if asked.long else trial.short), asked.seed)
        row = [count, len(failures), time.monotonic() - began, _processor_time() - taken]
        print(_row(f"{name}: {trial.summary}", row), flush=True)
        for failure in failures:
            print(f"{name}: {failure}", file=sys.stderr, flush=True)
        every = [total + number for total, number in zip(every, row, strict=True)]
    print(_row("all", every), flush=True)
    return int(every[1] > 0)


if __name__ == "__main__":
    sys.exit(main())
