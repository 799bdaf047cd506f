"""Sets the wall clock during a training."""

import json
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

from runs import TRAIN, completed, make_reference, state_of
from trial import Trial

from children import run_command

__all__ = ["TRIALS"]

_DAY = 86400.0


def _jumping(random: Random) -> Callable[[], None]:
    """Moves the clock forwards and backwards by up to a day, again and again."""

    def install() -> None:
        real, offset = time.time, 0.0

        def now() -> float:
            nonlocal offset
            if random.random() < 0.2:
                offset = random.uniform(-_DAY, _DAY)
            return real() + offset

        time.time = now
        time.time_ns = lambda: int(now() * 1e9)

    return install


def _times_fault(path: Path, longest: float) -> str | None:
    """Returns a failure unless training times grow, and do not exceed the command's duration."""
    rows = [json.loads(line) for line in (path / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
    times = [row["seconds"] for row in rows]
    if times != sorted(times) or times[0] < 0 or times[-1] > longest:
        return f"times of training {times}, and the command took {longest:.1f} s"
    return None


def clock(folder: Path, random: Random, trials: int) -> Iterator[str | None]:
    """Sets the clock while a run is trained, and while it is resumed."""
    reference = make_reference(folder)
    for number in range(trials):
        path = folder / f"run-{number}"
        stopped = run_command([*TRAIN, "--out", str(path), "--steps", "6"], before=_jumping(random))
        resumed = run_command(["train", "--resume", str(path), "--steps", "12"], before=_jumping(random))
        failure = stopped.fault(may=(0,)) or resumed.fault(may=(0,)) or completed(path, reference)
        failure = failure or _times_fault(path, stopped.seconds + resumed.seconds)
        if failure is None and state_of(path) != reference.state:
            failure = "the run differs from one without changes of the clock"
        yield failure
        shutil.rmtree(path, ignore_errors=True)


TRIALS = (
    Trial(
        "clock",
        "the wall clock jumps while a run is trained and resumed: the same run, with plausible training times",
        2,
        20,
        clock,
    ),
)
