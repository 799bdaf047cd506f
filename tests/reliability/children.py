"""Runs priorkit's commands in child processes, which may be killed, or fail at a chosen file operation."""

import contextlib
import functools
import gc
import importlib
import os
import re
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from operations import Operations

from priorkit.registry import installed_plugins

__all__ = ["Ended", "Running", "count_operations", "import_beforehand", "run_command"]

_TIMEOUT = 120.0
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
"""Control characters that a terminal obeys, except line breaks and the carriage return that redraws progress."""


@dataclass(frozen=True)
class Ended:
    """How a command ended.

    Attributes:
        status: The exit status; None if a signal ended the command.
        output: The text of both output streams.
        seconds: How long the command took.
        hung: True if the command was killed because it did not end, or exceeded a limit on its processor time.
        crashed: True if a fault in compiled code (SIGSEGV) ended the command.
    """

    status: int | None
    output: str
    seconds: float
    hung: bool = False
    crashed: bool = False

    @property
    def tells(self) -> bool:
        """True if the command ended as it should: it succeeded, or refused without a traceback."""
        return self.status in (0, 1, 2, 130, 143) and "Traceback" not in self.output

    def fault(self, *, may: Sequence[int] = (0, 2), naming: str = "") -> str | None:
        """Returns what is wrong with the command's end, or None.

        A refusal must be one line, and the output must not contain control characters.

        Args:
            may: The permitted exit statuses.
            naming: A text that a refusal must contain.
        """
        shown = f"it ended with {self.status}: {self.output.strip()[-400:]!r}"
        if self.hung:
            return f"it did not end: {self.output.strip()[-300:]!r}"
        if not self.tells or self.status not in may:
            return shown
        if _CONTROL.search(self.output):
            return f"control characters: {self.output.strip()[-400:]!r}"
        if self.status == 2:
            said = [line for line in self.output.splitlines() if line.startswith("priorkit: ")]
            errors = [line for line in said if not line.startswith("priorkit: warning:")]
            if len(errors) != 1 or self.output.rstrip().splitlines()[-1] != errors[0]:
                return f"its refusal is not one line: {shown}"
            if naming not in errors[0]:
                return f"its refusal does not name {naming!r}: {errors[0]}"
        return None


def _child(arguments: Sequence[str], before: Callable[[], None] | None, operations: Operations | None) -> None:
    """Runs a command in the child process, and never returns."""
    status = 1
    try:
        from priorkit.__main__ import program

        sys.argv = ["priorkit", *arguments]
        if before is not None:
            before()
        if operations is not None:
            operations.install()
        status = program()
        if operations is not None:
            operations.finish()
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else 1
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(status)


class Running:
    """A command in a forked child of this process, which has already imported everything.

    Args:
        arguments: The command and its arguments.
        before: Called in the child before the command.
        operations: Counts the child's file operations, and replaces one of them.
    """

    def __init__(
        self,
        arguments: Sequence[str],
        before: Callable[[], None] | None = None,
        operations: Operations | None = None,
    ) -> None:
        self._printed = tempfile.TemporaryFile()  # noqa: SIM115
        self._began = time.monotonic()
        self.process = os.fork()
        if self.process == 0:
            os.dup2(self._printed.fileno(), 1)
            os.dup2(self._printed.fileno(), 2)
            _child(arguments, before, operations)

    @property
    def seconds(self) -> float:
        """How long the command has been running."""
        return time.monotonic() - self._began

    @property
    def printed(self) -> str:
        """The output so far."""
        length = os.fstat(self._printed.fileno()).st_size
        return os.pread(self._printed.fileno(), length, 0).decode(errors="replace")

    def ended(self, *, within: float = _TIMEOUT) -> Ended:
        """Waits for the command's end, and kills the command if it takes too long.

        Args:
            within: Longest duration of the command in seconds.
        """
        hung = False
        while True:
            done, status = os.waitpid(self.process, os.WNOHANG)
            if done:
                break
            if not hung and self.seconds > within:
                os.kill(self.process, signal.SIGKILL)
                hung = True
            time.sleep(0.005)
        # SIGXCPU: the command exceeded a limit on its processor time.
        by = os.WTERMSIG(status) if os.WIFSIGNALED(status) else None
        hung = hung or by == signal.SIGXCPU
        text, exited = self.printed, os.WEXITSTATUS(status) if os.WIFEXITED(status) else None
        self._printed.close()
        return Ended(exited, text, self.seconds, hung, by == signal.SIGSEGV)

    def wait(self, seconds: float) -> None:
        """Waits until the command has run for this many seconds, or has ended."""
        while self.seconds < seconds and not os.waitid(os.P_PID, self.process, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            time.sleep(0.005)


def run_command(
    arguments: Sequence[str],
    *,
    before: Callable[[], None] | None = None,
    operations: Operations | None = None,
    send: tuple[float, int] | None = None,
    within: float = _TIMEOUT,
) -> Ended:
    """Runs a command in a child process to its end.

    Args:
        arguments: The command and its arguments.
        before: Called in the child before the command.
        operations: Counts the child's file operations, and replaces one of them.
        send: A delay in seconds, and the signal that is sent after it.
        within: Seconds after which the command is killed.
    """
    running = Running(arguments, before, operations)
    if send is not None:
        running.wait(send[0])
        # A child that has ended has not been waited for yet, so its process number is not reused.
        os.kill(running.process, send[1])
    return running.ended(within=within)


def count_operations(arguments: Sequence[str]) -> int:
    """Returns the number of file operations that a command needs."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "count"
        ended = run_command(arguments, operations=Operations(report=report))
        assert ended.status == 0, ended.output
        return int(report.read_text())


@functools.cache
def import_beforehand() -> None:
    """Imports the modules and loads the plug-ins that commands need, so that child processes need not.

    A child process reports which modules these are.
    """
    # These take the longest. The child that reports would import them, too.
    for name in ("sklearn.datasets", "torch._dynamo", "torchvision"):
        importlib.import_module(name)
    installed_plugins()
    with tempfile.TemporaryDirectory() as folder:
        told, run = Path(folder) / "modules", str(Path(folder) / "run")

        def tell() -> None:
            atexit_of_child = os._exit

            def end(status: int) -> None:
                told.write_text("\n".join(sorted(sys.modules)), encoding="utf-8")
                atexit_of_child(status)

            os._exit = end  # type: ignore[assignment]

        tiny = ("vae", "--networks", "mlp", "--networks.hidden", "8", "--steps", "1", "--device", "cpu")
        for command in (
            ["train", *tiny, "--out", run],
            ["sample", run, "-n", "1", "--device", "cpu", "--out", f"{folder}/samples.png"],
            ["evaluate", run, "--scores", "psnr", "--samples", "4", "--device", "cpu"],
        ):
            ended = run_command(command, before=tell)
            assert ended.status == 0, ended.output
            for name in told.read_text(encoding="utf-8").splitlines():
                if name not in sys.modules:
                    with contextlib.suppress(ImportError):
                        importlib.import_module(name)
    # Keeps these objects out of garbage collection, so children neither search them nor copy their memory pages.
    gc.collect()
    gc.freeze()
