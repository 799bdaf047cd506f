"""What a plug-in does, while it is loaded, besides saying what it supplies; and keeps it from others."""

import contextlib
import os
import sys
import time
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, TextIO, cast

from priorkit.plugins.one_line import in_one_line

__all__ = ["SLOW", "Observation", "observed"]

SLOW = 0.5
"""Seconds of loading, by the wall clock, beyond which a plug-in is noted as slow."""
_SHOWN = 200
"""Characters of what a plug-in printed that stand in its note."""


@dataclass
class Observation:
    """What has been seen.

    Attributes:
        notes: What its author should know, each one line.
        printed: What it wrote to `sys.stdout` and `sys.stderr`.
    """

    notes: list[str] = field(default_factory=list)
    printed: str = ""


class _Watched:
    """Takes a stream's place, and keeps what is written until it is let go; what was handed on then, goes through.

    It may outlive the watch: a logger that the plug-in has set up keeps its stream.
    """

    def __init__(self, stream: TextIO, kept: list[str]) -> None:
        self._stream = stream
        self._kept: list[str] | None = kept

    def write(self, text: str) -> int:
        if self._kept is None:
            return self._stream.write(text)
        self._kept.append(str(text))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        if self._kept is None:
            self._stream.flush()

    def let_go(self) -> None:
        self._kept = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextlib.contextmanager
def _kept_output() -> Iterator[list[str]]:
    kept: list[str] = []
    streams = sys.stdout, sys.stderr
    # A process without a terminal may have none.
    watched = [None if stream is None else _Watched(stream, kept) for stream in streams]
    sys.stdout, sys.stderr = cast("list[TextIO]", watched)
    try:
        yield kept
    finally:
        # Whatever the plug-in has put there itself.
        sys.stdout, sys.stderr = streams
        for stream in watched:
            if stream is not None:
                stream.let_go()


def _working_folder() -> str | None:
    try:
        return os.getcwd()  # noqa: PTH109 - as it is, to go back to
    except OSError:
        return None


def _torch_defaults() -> tuple[Any, Any] | None:
    """The dtype and the device of new tensors; None if torch is not imported, or only in part."""
    torch = sys.modules.get("torch")
    try:
        return None if torch is None else (torch.get_default_dtype(), torch.get_default_device())
    except AttributeError:
        return None


def _restore_torch_defaults(before: tuple[Any, Any] | None) -> bool:
    """Undoes a change of these defaults; returns whether there was one."""
    now = _torch_defaults()
    if now is None:
        return False
    torch = sys.modules["torch"]
    if before is None:
        before = torch.float32, torch.device("cpu")
    if now == before:
        return False
    torch.set_default_dtype(before[0])
    # No device at all is the processor too, and costs nothing.
    torch.set_default_device(None if before[1].type == "cpu" else before[1])
    return True


@contextlib.contextmanager
def observed() -> Iterator[Observation]:
    """Watches what is done inside; what it prints, and what it changes for everybody, stays inside.

    That is: filters of warnings, the working folder, and the dtype and device of torch's new tensors.

    Yields:
        What will have been seen when it is over, however it ends.
    """
    seen = Observation()
    had_torch = "torch" in sys.modules
    folder, torch_defaults = _working_folder(), _torch_defaults()
    start = time.perf_counter()
    with warnings.catch_warnings(), _kept_output() as kept:
        try:
            yield seen
        finally:
            seconds = time.perf_counter() - start
            seen.printed = "".join(kept)
            if seconds > SLOW:
                seen.notes.append(f"took {seconds:.1f} s to load: import what takes long inside `build`")
            if not had_torch and "torch" in sys.modules:
                seen.notes.append("imported torch: import it inside `build`, so that commands stay quick")
            if seen.printed.strip():
                seen.notes.append(f"printed while it was loaded: {in_one_line(seen.printed, _SHOWN)}")
            if folder is not None and _working_folder() != folder:
                os.chdir(folder)
                seen.notes.append("changed the working folder, which was changed back")
            if _restore_torch_defaults(torch_defaults):
                seen.notes.append("changed the dtype or device of torch's new tensors, which was changed back")
