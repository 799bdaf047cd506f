"""Counts a process's file operations, and replaces one of them by a mishap."""

import builtins
import errno
import io
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

__all__ = ["Operations"]

_OPERATIONS = ("mkdir", "rename", "replace", "unlink", "rmdir", "fsync")


class Operations:
    """Counts a process's file operations, and replaces one of them by a mishap.

    Opening a file to write it is an operation, and so is each write that reaches the operating system.

    Args:
        at: Number of the operation that is replaced, from 1; 0 for none.
        action: The mishap: `kill` kills the process, `full` raises the error of a full disk. A write first writes half
            of its bytes.
        report: File to which the number of operations is written at the end.
    """

    def __init__(self, at: int = 0, action: str = "kill", report: Path | None = None) -> None:
        self.at = at
        self.action = action
        self.report = report
        self.count = 0

    def install(self) -> None:
        """Replaces the functions that make, rename and write files, for the rest of this process."""
        for name in _OPERATIONS:
            setattr(os, name, self._counted(getattr(os, name)))
        io.open = builtins.open = self._counted_open(io.open)  # type: ignore[assignment]

    def finish(self) -> None:
        """Writes the number of operations to the report."""
        if self.report is not None:
            os.write(os.open(self.report, os.O_WRONLY | os.O_CREAT), str(self.count).encode())

    def happens(self) -> bool:
        """Counts one operation. Returns True if it is the one to replace."""
        self.count += 1
        return self.count == self.at

    def act(self, path: Any = None) -> None:
        """Carries out the mishap.

        Args:
            path: The path that the error of a full disk names.
        """
        if self.action == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), os.fspath(path) if path is not None else None)

    def _counted(self, operation: Callable[..., Any]) -> Callable[..., Any]:
        def run(path: Any, *arguments: Any, **options: Any) -> Any:
            if self.happens():
                self.act(None if isinstance(path, int) else path)
            return operation(path, *arguments, **options)

        return run

    def _counted_open(self, real: Callable[..., Any]) -> Callable[..., Any]:
        def run(file: Any, mode: str = "r", buffering: int = -1, *arguments: Any, **options: Any) -> Any:
            if not set(mode) & set("wax+"):
                return real(file, mode, buffering, *arguments, **options)
            if not isinstance(file, int) and self.happens():
                self.act(file)
            if set(mode) & {"+"} or buffering != -1 or {"closefd", "opener"} & set(options):
                return real(file, mode, buffering, *arguments, **options)
            raw = io.BufferedWriter(_CountedFile(file, mode.replace("t", "").replace("b", ""), self))
            return raw if "b" in mode else io.TextIOWrapper(raw, *arguments, **options)

        return run


class _CountedFile(io.FileIO):
    """A file whose writes are counted."""

    def __init__(self, file: Any, mode: str, operations: Operations) -> None:
        super().__init__(file, mode)
        self._operations = operations
        self._full = False

    def write(self, content: Any) -> int:
        """Writes the content, or half of it if this write is the one to replace.

        A disk that becomes full takes what fits, returns the number of bytes, and refuses the rest; closing the file
        then tries once more to write the rest. This method does the same.
        """
        operations, half = self._operations, memoryview(content).cast("B")[: len(content) // 2]
        if self._full or operations.happens():
            if half and not self._full:
                self._full = operations.action == "full"
                written = super().write(half)
                if self._full:
                    return written
            self._full = False
            # As on a real disk, the error names no file.
            operations.act()
        return super().write(content)
