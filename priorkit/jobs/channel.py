"""How a worker hears of its jobs, and how it tells of them."""

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
"""An environment variable that a worker has, and whatever it starts."""
Function = Callable[[Any, "Channel"], "dict[str, Any] | None"]
"""A job: from its arguments, and the channel by which it may tell of itself, to plain values for JSON."""


def running_in_worker() -> bool:
    """Whether this process carries out the jobs of another one."""
    return WORKER in os.environ


def job_line(function: Function, arguments: Any) -> str:
    """A line that gives a worker a job: a function that it can import, and arguments that can be pickled."""
    return json.dumps({"job": base64.b64encode(pickle.dumps((function, arguments))).decode("ascii")}) + "\n"


def word_line(word: str) -> str:
    """A line that says a word to the job in progress."""
    return json.dumps({"word": word}) + "\n"


class Channel:
    """A worker's end of the pipes to the process that started it.

    Args:
        source: Lines of `job_line` and `word_line`.
        target: Where events go, one JSON object a line.
    """

    def __init__(self, source: TextIO, target: TextIO) -> None:
        self._source = source
        self._target = target
        self._jobs: queue.Queue[tuple[Function, Any] | None] = queue.Queue()
        self._words: set[str] = set()
        self._lock = threading.Lock()

    @classmethod
    def of_process(cls) -> "Channel":
        """The channel of this process; what anything else prints goes to stderr from now on."""
        target = os.fdopen(os.dup(1), "w", encoding="utf-8")
        os.dup2(2, 1)
        return cls(sys.stdin, target)

    def listen(self) -> None:
        """Hears in the background. Where the other process is gone, a job in progress is stopped as by SIGTERM."""
        threading.Thread(target=self._hear, daemon=True).start()

    def jobs(self) -> Iterator[tuple[Function, Any]]:
        """The jobs, as they come, until the other process wants no more of them."""
        while (job := self._jobs.get()) is not None:
            self._words.clear()
            yield job

    def tell(self, event: str, **values: Any) -> None:
        """Tells the other process of something."""
        with self._lock:
            try:
                self._target.write(json.dumps({"event": event, **values}, default=str) + "\n")
                self._target.flush()
            except (BrokenPipeError, ValueError):
                # It is gone, and `_hear` has noticed.
                return

    def asked(self, word: str) -> bool:
        """Whether the other process has said a word to the job in progress."""
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
