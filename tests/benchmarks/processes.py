"""Two processes with one thread each, started by torchrun, against one process with two threads.

Both train the recipe `learned` with the same global batch. Batch norm uses the statistics of the whole batch, or each
process's own. The rate is measured between the first and the last losses that `priorkit train --json` prints, so
start-up, checkpoints and the final review do not count.
"""

import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmark import Benchmark, Settings, Unsupported
from children import PRIORKIT, events, training_process
from paired import Comparison, alternate

__all__ = ["BENCHMARKS"]

_PROCESSES = 2
_CASES = ((64, True), (128, True), (64, False))
"""Batch sizes, and True if batch norm uses the statistics of the whole batch."""
_LOG_EVERY = 5
_STEPS = 45
_TURNS = 3

_TORCHRUN = (sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(_PROCESSES))


@dataclass(frozen=True)
class _Training:
    """A training, timed between its first and its last losses."""

    name: str
    command: tuple[str, ...]
    threads: int
    batch: int
    synchronised: bool

    def seconds(self) -> float:
        with tempfile.TemporaryDirectory(prefix="priorkit-benchmark-") as folder:
            never = str(10 * _STEPS)
            options = (
                *("train", "learned", "--device", "cpu", "--batch-size", str(self.batch), "--steps", str(_STEPS)),
                *("--log-every", str(_LOG_EVERY), "--sample-every", never, "--checkpoint-every", never),
                "--synchronise-batch-norm" if self.synchronised else "--no-synchronise-batch-norm",
                *("--json", "--out", str(Path(folder) / "run")),
            )
            with training_process((*self.command, *options), self.threads) as process:
                told = list(events(process))
        starts = sum(event["event"] == "start" for event in told)
        if starts != 1:
            raise Unsupported(f"{starts} trainings were started instead of one: the processes do not share a run")
        losses = [event for event in told if event["event"] == "losses"]
        images = losses[-1]["images"] - losses[0]["images"]
        if images != _MEASURED * self.batch:
            raise Unsupported(
                f"{images} images were seen instead of {_MEASURED * self.batch}: is the batch not shared?"
            )
        return float(losses[-1]["seconds"] - losses[0]["seconds"])


_MEASURED = _STEPS - _LOG_EVERY
"""Number of steps between the first losses and the last."""


def _run(settings: Settings) -> Iterator[Comparison]:
    for batch, synchronised in _CASES:
        several = _Training(f"{_PROCESSES} processes", (*_TORCHRUN, "-m", "priorkit"), 1, batch, synchronised)
        one = _Training(f"1 process, {_PROCESSES} threads", PRIORKIT, _PROCESSES, batch, synchronised)
        try:
            seconds = alternate(several, one, repeats=settings.turns(_TURNS), warm_up=0)
        except Unsupported as reason:
            raise Unsupported(f"training in several processes failed: {reason}") from None
        statistics = "the whole batch's" if synchronised else "each process's own"
        yield Comparison(
            f"recipe learned, {batch} images a step in all, {statistics} statistics",
            (several.name, one.name),
            seconds,
            work=_MEASURED * batch,
            unit="images",
        )


BENCHMARKS = [Benchmark("processes", "two processes, started by torchrun, against one process with two threads", _run)]
