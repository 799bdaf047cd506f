"""Two processes that train one run together, and one of them is killed."""

import os
import shutil
import signal
import socket
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random

from runs import TRAIN, state_of
from trial import Trial

from children import Ended, Running

__all__ = ["TRIALS"]

_PATIENCE = 10.0
"""Seconds within which the other process must end."""


def _start(arguments: Sequence[str]) -> list[Running]:
    """Starts two processes as torchrun does, but without the agent that watches them."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])

    def environment(rank: int) -> None:
        os.environ |= {"RANK": str(rank), "LOCAL_RANK": str(rank), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
        os.environ |= {"WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2"}

    return [Running(arguments, lambda rank=rank: environment(rank)) for rank in range(2)]


def _both(arguments: Sequence[str]) -> list[Ended]:
    return [running.ended() for running in _start(arguments)]


def _completed(path: Path, expected: str) -> str | None:
    resumable = (path / "environment.json").is_file()
    ended = _both(["train", "--resume", str(path)] if resumable else [*TRAIN, "--out", str(path)])
    if ended[0].status != 0 and "has reached its limit" not in ended[0].output:
        return f"{'--resume' if resumable else 'train'} ended with {ended[0].status}: {ended[0].output.strip()[-300:]}"
    return None if state_of(path) == expected else "the run differs from one without the mishap"


def torchrun(folder: Path, random: Random, trials: int) -> Iterator[str | None]:
    """Kills one of two processes, and in half of the trials stops the other, as torchrun would after a moment."""
    path = folder / "reference"
    done = _both([*TRAIN, "--out", str(path)])
    assert [each.status for each in done] == [0, 0], done[0].output
    expected, lasting = state_of(path), done[0].seconds
    for number in range(trials):
        path, killed = folder / f"run-{number}", random.randrange(2)
        running = _start([*TRAIN, "--out", str(path)])
        moment = random.uniform(0, lasting)
        running[killed].wait(moment)
        # Before both have met, a process waits long for the other, so it must be stopped as torchrun does.
        told = random.random() < 0.5 or not path.exists()
        os.kill(running[killed].process, signal.SIGKILL)
        other = running[1 - killed]
        if told:
            os.kill(other.process, signal.SIGTERM)
        running[killed].ended()
        ended = other.ended(within=other.seconds + _PATIENCE)
        # Before the training begins, SIGTERM ends the process as it ends any other.
        failure = None if told and not ended.hung and ended.status is None else ended.fault(may=(0, 2, 143))
        failure = failure or _completed(path, expected)
        yield failure and f"process {killed} after {moment:.3f} s{', the other stopped' if told else ''}: {failure}"
        shutil.rmtree(path, ignore_errors=True)


TRIALS = (
    Trial(
        "torchrun",
        "one of two processes that train together is killed: the other ends within 10 s; then the same run",
        2,
        20,
        torchrun,
    ),
)
