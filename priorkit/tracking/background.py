"""Calls a tracker in a separate thread, so that training neither waits for a server nor fails with it."""

import contextlib
import queue
import threading
import time
from collections.abc import Callable

__all__ = ["Background", "Deadline"]

_WAITING = 1000
"""Maximal number of waiting calls: a tracker with more has lost its server."""

Call = Callable[[], object]


class Deadline:
    """A deadline shared by several threads; the time starts at the first call of `left`.

    Args:
        seconds: The time until the deadline.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._until: float | None = None

    def left(self) -> float:
        """Seconds until the deadline, at least 0."""
        if self._until is None:
            self._until = time.monotonic() + self.seconds
        return max(0.0, self._until - time.monotonic())


class Background:
    """A thread that carries out calls one after another, until a call fails.

    Args:
        name: The thread's name.

    Attributes:
        failure: The exception that a call has raised, or a `TimeoutError` if too many calls wait or the last one is
            late; None if there was no failure.
    """

    def __init__(self, name: str) -> None:
        self.failure: BaseException | None = None
        self._ends = False
        self._calls: queue.Queue[Call | None] = queue.Queue(_WAITING)
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._thread.start()

    def call(self, call: Call) -> None:
        """Queues a call behind all waiting calls; returns at once."""
        if self.failure is not None:
            return
        try:
            self._calls.put_nowait(call)
        except queue.Full:
            self.failure = TimeoutError(f"it is {_WAITING} measurements behind")

    def end(self, call: Call) -> None:
        """Queues the last call; returns at once."""
        self.call(call)
        with contextlib.suppress(queue.Full):
            self._calls.put_nowait(None)
            self._ends = True

    def wait(self, deadline: Deadline) -> None:
        """Waits, until the deadline, for the end of all calls, including the last call (`end`)."""
        with contextlib.suppress(queue.Full):
            if not self._ends:
                self._calls.put(None, timeout=deadline.left())
            self._thread.join(deadline.left())
        if self._thread.is_alive() and self.failure is None:
            self.failure = TimeoutError(f"it has not finished after {deadline.seconds:g} seconds; data may be lost")

    def _work(self) -> None:
        while (call := self._calls.get()) is not None:
            if self.failure is not None:
                continue
            try:
                call()
            except BaseException as error:
                # BaseException, because some packages raise SystemExit if they have no key.
                self.failure = error
