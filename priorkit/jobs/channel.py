"""The pipe between a worker and the process that started it: jobs one way, events the other."""

import base64
import json
import os
import pickle
import queue
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any, TextIO

__all__ = ["WORKER", "Channel", "Function", "job_line", "running_in_worker", "word_line"]

WORKER = "PRIORKIT_WORKER"
"""An environment variable that is set in workers and their child processes."""
Function = Callable[[Any, "Channel"], "dict[str, Any] | None"]
"""A job: a function from its arguments, and a channel to report events on, to plain values for JSON."""


def running_in_worker() -> bool:
    """Whether this process is a worker that carries out jobs, or a child process of a worker."""
    return WORKER in os.environ


def job_line(function: Function, arguments: Any) -> str:
    """Returns a line that gives a job to a worker: a function that it can import, and arguments that can be pickled."""
    return json.dumps({"job": base64.b64encode(pickle.dumps((function, arguments))).decode("ascii")}) + "\n"


def word_line(word: str) -> str:
    """Returns a line that sends a word to the job in progress."""
    return json.dumps({"word": word}) + "\n"


class Channel:
    """A worker's end of the pipes to the process that started it.

    Args:
        source: The stream of lines from `job_line` and `word_line`.
        target: The stream for events, one JSON object per line.
    """

    def __init__(self, source: TextIO, target: TextIO) -> None:
        self._source = source
        self._target = target
        self._jobs: queue.Queue[tuple[Function, Any] | None] = queue.Queue()
        self._words: set[str] = set()
        self._lock = threading.Lock()

    @classmethod
    def of_process(cls) -> "Channel":
        """Returns the channel of this process; from now on, all other output goes to stderr."""
        target = os.fdopen(os.dup(1), "w", encoding="utf-8")
        os.dup2(2, 1)
        return cls(sys.stdin, target)

    def listen(self) -> None:
        """Reads lines in a thread. If the other process has ended, stops a job in progress, like SIGTERM."""
        threading.Thread(target=self._hear, daemon=True).start()

    def jobs(self) -> Iterator[tuple[Function, Any]]:
        """Yields jobs as they arrive, until the other process sends no more."""
        while (job := self._jobs.get()) is not None:
            self._words.clear()
            yield job

    def tell(self, event: str, **values: Any) -> None:
        """Sends an event to the other process."""
        with self._lock:
            try:
                self._target.write(json.dumps({"event": event, **values}, default=str) + "\n")
                self._target.flush()
            except (BrokenPipeError, ValueError):
                # The other process has ended, which `_hear` has noticed.
                return

    def asked(self, word: str) -> bool:
        """Whether the other process has sent this word to the job in progress."""
        return word in self._words

    def _hear(self) -> None:
        idle_end = False
        for line in self._source:
            message = json.loads(line)
            if "job" in message:
                self._jobs.put(pickle.loads(base64.b64decode(message["job"])))
            elif message["word"] == "leave":
                idle_end = True
            else:
                self._words.add(message["word"])
        self._jobs.put(None)
        if not idle_end:
            os.kill(os.getpid(), signal.SIGTERM)
