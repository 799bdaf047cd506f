"""Commands of priorkit in child processes, which may be killed, or fail at a chosen operation on files."""

import builtins
import errno
import io
import os
import signal
import tempfile
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["Ended", "Operations", "count_operations", "run_command"]

_OPERATIONS = ("mkdir", "rename", "replace", "unlink", "rmdir", "fsync")
_TIMEOUT = 300.0


@dataclass(frozen=True)
class Ended:
    """How a command ended.

    Attributes:
        status: Its exit status; None where a signal ended it.
        output: What it printed, of both streams.
        seconds: How long it took.
    """

    status: int | None
    output: str
    seconds: float

    @property
    def tells(self) -> bool:
        """Whether it ended as a command should: done, or refused without a traceback."""
        return self.status in (0, 1, 2, 130, 143) and "Traceback" not in self.output


class Operations:
    """Counts what a process does to files, and does something else in the place of one operation.

    Args:
        at: Which operation, counted from 1; 0 for none.
        action: What is done then: `kill` ends the process, `full` says that the disk is full.
        report: Where the number of operations is written at the end.
    """

    def __init__(self, at: int = 0, action: str = "kill", report: Path | None = None) -> None:
        self.at = at
        self.action = action
        self.report = report
        self.count = 0

    def install(self) -> None:
        """Takes the place of the functions that make, rename and write files, for the rest of this process."""
        for name in _OPERATIONS:
            setattr(os, name, self._counted(getattr(os, name)))
        io.open = builtins.open = self._counted_open(io.open)  # type: ignore[assignment]

    def finish(self) -> None:
        """Writes how many operations there were."""
        if self.report is not None:
            os.write(os.open(self.report, os.O_WRONLY | os.O_CREAT), str(self.count).encode())

    def _next(self, path: Any) -> None:
        self.count += 1
        if self.count != self.at:
            return
        if self.action == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), os.fspath(path) if not isinstance(path, int) else None)

    def _counted(self, operation: Callable[..., Any]) -> Callable[..., Any]:
        def run(path: Any, *arguments: Any, **options: Any) -> Any:
            self._next(path)
            return operation(path, *arguments, **options)

        return run

    def _counted_open(self, real: Callable[..., Any]) -> Callable[..., Any]:
        def run(file: Any, mode: str = "r", *arguments: Any, **options: Any) -> Any:
            if set(mode) & set("wax+"):
                self._next(file)
            return real(file, mode, *arguments, **options)

        return run


def _child(arguments: Sequence[str], operations: Operations | None, output: int) -> None:
    """Runs in the child, and never returns."""
    status = 1
    try:
        os.dup2(output, 1)
        os.dup2(output, 2)
        from priorkit.cli import main

        if operations is not None:
            operations.install()
        status = main(list(arguments))
        if operations is not None:
            operations.finish()
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(status)


def run_command(
    arguments: Sequence[str],
    *,
    operations: Operations | None = None,
    send: tuple[float, int] | None = None,
) -> Ended:
    """Runs a command in a child of this process, which has imported everything already.

    Args:
        arguments: The command and its arguments.
        operations: What happens to its operations on files.
        send: A signal, and after how many seconds it is sent.
    """
    with tempfile.TemporaryFile() as printed:
        began = time.monotonic()
        child = os.fork()
        if child == 0:
            _child(arguments, operations, printed.fileno())
        sent, status = send is None, None
        while status is None:
            done, found = os.waitpid(child, os.WNOHANG)
            now = time.monotonic() - began
            if done:
                status = found
            elif not sent and send is not None and now >= send[0]:
                os.kill(child, send[1])
                sent = True
            elif now > _TIMEOUT:
                os.kill(child, signal.SIGKILL)
            else:
                time.sleep(0.005)
        printed.seek(0)
        text = printed.read().decode(errors="replace")
    exited = os.WEXITSTATUS(status) if os.WIFEXITED(status) else None
    return Ended(exited, text, time.monotonic() - began)


def count_operations(arguments: Sequence[str]) -> int:
    """How many operations on files a command needs."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "count"
        ended = run_command(arguments, operations=Operations(report=report))
        assert ended.status == 0, ended.output
        return int(report.read_text())
