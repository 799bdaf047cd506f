"""Two processes of one thread each, started by torchrun, against one process of two threads.

Both train the recipe `learned` with the same global batch. The rate is that between the first and the last losses that
`priorkit train --json` tells of: start-up, checkpoints and the final review do not count.
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
_BATCH = 128
_LOG_EVERY = 5
_STEPS = 45
_TURNS = 3

_TORCHRUN = (sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(_PROCESSES))


@dataclass(frozen=True)
class _Training:
    """A training's seconds between its first and its last losses."""

    name: str
    command: tuple[str, ...]
    threads: int

    def seconds(self) -> float:
        with tempfile.TemporaryDirectory(prefix="priorkit-benchmark-") as folder:
            never = str(10 * _STEPS)
            options = (
                *("train", "learned", "--device", "cpu", "--batch-size", str(_BATCH), "--steps", str(_STEPS)),
                *("--log-every", str(_LOG_EVERY), "--sample-every", never, "--checkpoint-every", never),
                *("--json", "--out", str(Path(folder) / "run")),
            )
            with training_process((*self.command, *options), self.threads) as process:
                told = list(events(process))
        starts = sum(event["event"] == "start" for event in told)
        if starts != 1:
            raise Unsupported(f"{starts} trainings were started instead of one: this priorkit does not share its work")
        losses = [event for event in told if event["event"] == "losses"]
        images = losses[-1]["images"] - losses[0]["images"]
        if images != _WORK:
            raise Unsupported(f"{images} images were seen instead of {_WORK}: --batch-size is not the global batch")
        return float(losses[-1]["seconds"] - losses[0]["seconds"])


_WORK = (_STEPS - _LOG_EVERY) * _BATCH


def _run(settings: Settings) -> Iterator[Comparison]:
    several = _Training(f"{_PROCESSES} processes", (*_TORCHRUN, "-m", "priorkit"), 1)
    one = _Training(f"1 process, {_PROCESSES} threads", PRIORKIT, _PROCESSES)
    try:
        seconds = alternate(several, one, repeats=settings.turns(_TURNS), warm_up=0)
    except Unsupported as reason:
        raise Unsupported(f"training in several processes did not work: {reason}") from None
    yield Comparison(
        f"recipe learned, {_BATCH} images a step in all", (several.name, one.name), seconds, work=_WORK, unit="images"
    )


BENCHMARKS = [Benchmark("processes", "two processes started by torchrun against one of two threads", _run)]
