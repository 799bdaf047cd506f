"""A contender in a process of its own.

The process-wide settings of one contender (memory allocator, threads, warnings) then do not affect the other. Only one
of them works at a time.
"""

import multiprocessing
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Any

__all__ = ["Apart", "Work"]


@dataclass(frozen=True)
class Work:
    """Work that a process has prepared.

    Attributes:
        turn: Does the work once.
        facts: Facts about the work, for the parent process; must be picklable.
    """

    turn: Callable[[], object]
    facts: Mapping[str, Any] = field(default_factory=dict)


def _serve(connection: Connection, prepare: Callable[[], Work], threads: int) -> None:
    import torch

    torch.set_num_threads(threads)
    work = prepare()
    connection.send(work.facts)
    while connection.recv():
        began = time.perf_counter()
        work.turn()
        connection.send(time.perf_counter() - began)


class Apart:
    """Work done in a process of its own; a context manager, which ends the process.

    Args:
        name: The contender's name in tables.
        prepare: Called once in the process; must be picklable (a function of a module, or a `functools.partial` of it).
        threads: Threads of the process.

    Attributes:
        facts: The facts that `prepare` returned.
    """

    def __init__(self, name: str, prepare: Callable[[], Work], threads: int) -> None:
        self.name = name
        # Spawned, not forked, so that it does not inherit this process's threads and allocator.
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, prepare, threads), daemon=True)
        self._process.start()
        theirs.close()
        self.facts: Mapping[str, Any] = self._receive()

    def _receive(self) -> Any:
        try:
            return self._connection.recv()
        except EOFError:
            raise RuntimeError(f"the process of {self.name!r} has ended; see its own message above") from None

    def seconds(self) -> float:
        """Has the work done once, and returns how many seconds it took there."""
        self._connection.send(True)
        seconds: float = self._receive()
        return seconds

    def __enter__(self) -> "Apart":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process.is_alive():
            self._connection.send(False)
        self._process.join(timeout=10)
        if self._process.is_alive():
            self._process.terminate()
        self._connection.close()
