"""Commands of priorkit in child processes, which may be killed, or fail at a chosen operation on files."""

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
"""What a terminal obeys; not the ends of lines, and the return with which progress is drawn anew."""


@dataclass(frozen=True)
class Ended:
    """How a command ended.

    Attributes:
        status: Its exit status; None where a signal ended it.
        output: What it printed, of both streams.
        seconds: How long it took.
        hung: Whether it was killed because it did not end, or took longer of a processor than it might.
        crashed: Whether it ended by a fault in compiled code (SIGSEGV).
    """

    status: int | None
    output: str
    seconds: float
    hung: bool = False
    crashed: bool = False

    @property
    def tells(self) -> bool:
        """Whether it ended as a command should: done, or refused without a traceback."""
        return self.status in (0, 1, 2, 130, 143) and "Traceback" not in self.output

    def fault(self, *, may: Sequence[int] = (0, 2), naming: str = "") -> str | None:
        """What is wrong with how it ended, if anything: a refusal is one line, and no terminal is told what to do.

        Args:
            may: The exit statuses that it may have.
            naming: What a refusal must name.
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
    """Runs in the child, and never returns."""
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
    """A command in a child of this process, which has imported everything already.

    Args:
        arguments: The command and its arguments.
        before: What is done in the child before.
        operations: What happens to its operations on files.
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
        """How long it has been running."""
        return time.monotonic() - self._began

    @property
    def printed(self) -> str:
        """What it has printed so far."""
        length = os.fstat(self._printed.fileno()).st_size
        return os.pread(self._printed.fileno(), length, 0).decode(errors="replace")

    def ended(self, *, within: float = _TIMEOUT) -> Ended:
        """Waits for its end, and kills it where it does not come.

        Args:
            within: Seconds from its beginning.
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
        # Where a limit on its processor's time is set.
        by = os.WTERMSIG(status) if os.WIFSIGNALED(status) else None
        hung = hung or by == signal.SIGXCPU
        text, exited = self.printed, os.WEXITSTATUS(status) if os.WIFEXITED(status) else None
        self._printed.close()
        return Ended(exited, text, self.seconds, hung, by == signal.SIGSEGV)

    def wait(self, seconds: float) -> None:
        """Waits until it has run for so long, or has ended."""
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
    """Runs a command in a child to its end.

    Args:
        arguments: The command and its arguments.
        before: What is done in the child before.
        operations: What happens to its operations on files.
        send: A signal, and after how many seconds it is sent.
        within: Seconds after which it is killed.
    """
    running = Running(arguments, before, operations)
    if send is not None:
        running.wait(send[0])
        # Who has ended is not waited for yet: the number is still its own.
        os.kill(running.process, send[1])
    return running.ended(within=within)


def count_operations(arguments: Sequence[str]) -> int:
    """How many operations on files a command needs."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "count"
        ended = run_command(arguments, operations=Operations(report=report))
        assert ended.status == 0, ended.output
        return int(report.read_text())


@functools.cache
def import_beforehand() -> None:
    """Imports and loads here what commands need, so that their children need not: a child tells what that is."""
    # What takes the longest, which the child would import as well.
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
    # What is here is no garbage: children neither look for any in it nor copy the pages that it lies in.
    gc.collect()
    gc.freeze()
