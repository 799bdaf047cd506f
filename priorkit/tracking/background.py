"""Calls of a tracker in a thread of its own: training neither waits for a server nor ends with it."""

import queue
import threading
from collections.abc import Callable

__all__ = ["Background"]

_WAITING = 1000
"""Calls that may wait: a tracker that is so far behind has no answer from its server."""

Call = Callable[[], object]


class Background:
    """A thread that makes one call after another until one fails.

    Args:
        name: Of the thread.

    Attributes:
        failure: What a call has raised, or why there are no more calls; None while all is well.
    """

    def __init__(self, name: str) -> None:
        self.failure: BaseException | None = None
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

    def finish(self, patience: float) -> None:
        """Waits until all calls are made, for so many seconds at most."""
        try:
            self._calls.put(None, timeout=patience)
            self._thread.join(patience)
        except queue.Full:
            pass
        if self._thread.is_alive() and self.failure is None:
            self.failure = TimeoutError(f"it is not done after {patience:g} seconds; what is left may be lost")

    def _work(self) -> None:
        while (call := self._calls.get()) is not None:
            if self.failure is not None:
                continue
            try:
                call()
            except BaseException as error:
                # Also what would end the program, as some packages do where they have no key.
                self.failure = error
