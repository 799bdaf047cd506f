"""Calls of a tracker in a thread of its own: training neither waits for a server nor ends with it."""

import contextlib
import queue
import threading
import time
from collections.abc import Callable

__all__ = ["Background", "Deadline"]

_WAITING = 1000
"""Calls that may wait: a tracker that is so far behind has no answer from its server."""

Call = Callable[[], object]


class Deadline:
    """The time that several threads have together, from when the first of them is waited for.

    Args:
        seconds: How long that is.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._until: float | None = None

    def left(self) -> float:
        """Seconds that are left, at least 0."""
        if self._until is None:
            self._until = time.monotonic() + self.seconds
        return max(0.0, self._until - time.monotonic())


class Background:
    """A thread that makes one call after another until one fails.

    Args:
        name: Of the thread.

    Attributes:
        failure: What a call has raised, or why there are no more calls; None while all is well.
    """

    def __init__(self, name: str) -> None:
        self.failure: BaseException | None = None
        self._ends = False
        self._calls: queue.Queue[Call | None] = queue.Queue(_WAITING)
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._thread.start()

    def call(self, call: Call) -> None:
        """Has something called, after all that is waiting; never waits itself."""
        if self.failure is not None:
            return
        try:
            self._calls.put_nowait(call)
        except queue.Full:
            self.failure = TimeoutError(f"it is {_WAITING} measurements behind")

    def end(self, call: Call) -> None:
        """Has something called as the last thing of all; never waits itself."""
        self.call(call)
        with contextlib.suppress(queue.Full):
            self._calls.put_nowait(None)
            self._ends = True

    def wait(self, deadline: Deadline) -> None:
        """Waits until all calls are made, and the last one, which `end` was given."""
        with contextlib.suppress(queue.Full):
            if not self._ends:
                self._calls.put(None, timeout=deadline.left())
            self._thread.join(deadline.left())
        if self._thread.is_alive() and self.failure is None:
            self.failure = TimeoutError(f"it is not done after {deadline.seconds:g} seconds; what is left may be lost")

    def _work(self) -> None:
        while (call := self._calls.get()) is not None:
            if self.failure is not None:
                continue
            try:
                call()
            except BaseException as error:
                # Also what would end the program, as some packages do where they have no key.
                self.failure = error
