"""A pool of processes that carry out jobs, each one at a time."""

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Self

from priorkit.jobs.channel import WORKER, Function, job_line, word_line

__all__ = ["JobEvent", "JobPool"]

_PATIENCE = 120.0
"""Seconds that a job may take to stop when asked to, because it saves its state first."""


@dataclass(frozen=True)
class JobEvent:
    """An event of a job.

    Attributes:
        key: The job's key.
        kind: `told`: the job reports an event. `done`: the job has ended with a result. `failed`: the job has ended
            with an error. `killed`: the job's process has ended.
        data: The reported event; the `result`; the error's `message`, and whether the training `diverged`; or a
            `message` that says how the process ended.
    """

    key: Hashable
    kind: Literal["told", "done", "failed", "killed"]
    data: Mapping[str, Any] = field(default_factory=dict)


class _Worker:
    """A process and its job."""

    def __init__(self, slot: int, environment: Mapping[str, str], events: "queue.Queue[tuple[_Worker, Any]]") -> None:
        self.slot = slot
        self.key: Hashable | None = None
        self.process = subprocess.Popen(
            [sys.executable, "-m", "priorkit.jobs.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            env={**os.environ, **environment, WORKER: str(slot)},
            # Ctrl-C in a terminal must reach only the process that started the workers, which asks them to stop.
            start_new_session=True,
        )
        threading.Thread(target=self._read, args=(events,), daemon=True).start()

    def _read(self, events: "queue.Queue[tuple[_Worker, Any]]") -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            try:
                events.put((self, json.loads(line)))
            except ValueError:
                # A killed process may leave an unfinished line.
                continue
        events.put((self, None))

    def write(self, line: str) -> bool:
        """Sends a line; False if the process is gone."""
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(line)
            self.process.stdin.flush()
        except (OSError, ValueError):
            return False
        return True

    def leave(self) -> None:
        """Lets the process end when it has no job."""
        assert self.process.stdin is not None
        self.write(word_line("leave"))
        with contextlib.suppress(OSError):
            self.process.stdin.close()

    def said(self) -> str:
        """Returns a message that says how the process ended."""
        status = self.process.wait()
        if status < 0:
            return f"its process was killed by {_signal_name(-status)}"
        return f"its process ended with status {status}"


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        # Python has no names for signals between SIGRTMIN and SIGRTMAX.
        return f"signal {number}"


class JobPool:
    """A pool of processes that carry out jobs. Processes start when needed, and carry out one job after another.

    Args:
        environments: Environment variables for each process: see `priorkit.jobs.worker_environments`.

    Examples:
        >>> from priorkit.jobs import JobPool, worker_environments
        >>> with JobPool(worker_environments(2, "cpu")) as pool:
        ...     pool.free
        2
    """

    def __init__(self, environments: Sequence[Mapping[str, str]]) -> None:
        self._environments = environments
        self._workers: dict[int, _Worker] = {}
        self._events: queue.Queue[tuple[_Worker, Any]] = queue.Queue()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.kill()

    @property
    def free(self) -> int:
        """The number of jobs that can be started now."""
        return len(self._environments) - len(self.running)

    @property
    def running(self) -> list[Hashable]:
        """The keys of the jobs in progress."""
        return [worker.key for worker in self._workers.values() if worker.key is not None]

    def process_of(self, key: Hashable) -> int | None:
        """Returns the id of the process that carries out a job."""
        return next((worker.process.pid for worker in self._workers.values() if worker.key == key), None)

    def start(self, key: Hashable, function: Function, arguments: Any) -> int:
        """Starts a job; there must be a free process.

        Args:
            key: A key for the job.
            function: The function to call with the arguments and a `Channel`; it must be defined in a module.
            arguments: The arguments, which must be picklable.

        Returns:
            The index of the process, from 0, which is also the index of its environment.
        """
        line = job_line(function, arguments)
        for slot, environment in enumerate(self._environments):
            worker = self._workers.get(slot)
            if worker is not None and (worker.key is not None or worker.process.poll() is not None):
                if worker.key is not None:
                    continue
                worker = None
            if worker is None or not worker.write(line):
                worker = self._workers[slot] = _Worker(slot, environment, self._events)
                worker.write(line)
            worker.key = key
            return slot
        raise RuntimeError("every process has a job")

    def say(self, key: Hashable, word: str) -> None:
        """Sends a word to a job in progress, which may check for it by `Channel.asked`."""
        for worker in self._workers.values():
            if worker.key == key:
                worker.write(word_line(word))

    def events(self, timeout: float) -> list[JobEvent]:
        """Returns the events since the last call; waits for an event if there is none.

        Args:
            timeout: Maximal time to wait in seconds.
        """
        found: list[JobEvent] = []
        with contextlib.suppress(queue.Empty):
            found += self._understood(*self._events.get(timeout=timeout))
            while True:
                found += self._understood(*self._events.get_nowait())
        return found

    def stop(self) -> Iterator[JobEvent]:
        """Asks every job to save its state and end, like SIGTERM; yields events until all have ended."""
        for worker in self._workers.values():
            if worker.key is not None:
                with contextlib.suppress(OSError):
                    worker.process.terminate()
            worker.leave()
        until = time.monotonic() + _PATIENCE
        while self.running and time.monotonic() < until:
            yield from self.events(0.2)

    def kill(self) -> None:
        """Kills every process with a job; lets the others end by themselves."""
        for worker in self._workers.values():
            if worker.key is None:
                worker.leave()
            else:
                worker.process.kill()
        for worker in self._workers.values():
            try:
                worker.process.wait(timeout=5)
            except subprocess.TimeoutExpired:
                worker.process.kill()
                worker.process.wait()
        self._workers.clear()

    def _understood(self, worker: _Worker, message: Any) -> list[JobEvent]:
        key = worker.key
        if message is None:
            if self._workers.get(worker.slot) is worker:
                del self._workers[worker.slot]
            worker.key = None
            return [] if key is None else [JobEvent(key, "killed", {"message": worker.said()})]
        if key is None:
            return []
        event = message.pop("event")
        if event in ("done", "failed"):
            worker.key = None
            if message.pop("leaves", False):
                # This process takes no other job: the next job gets a new process.
                del self._workers[worker.slot]
            return [JobEvent(key, event, message)]
        return [JobEvent(key, "told", {"event": event, **message})]
