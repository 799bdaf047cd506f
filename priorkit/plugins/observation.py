"""What a plug-in does, while it is loaded, besides saying what it supplies; and keeps it from others."""

import contextlib
import os
import signal
import sys
import threading
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
_alone = threading.RLock()
"""What is kept and changed back belongs to the whole process: one plug-in is watched at a time."""


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
def _kept_streams() -> Iterator[list[str]]:
    """Keeps what is written inside, and has nothing to be read: what asks for input, fails instead of waiting."""
    kept: list[str] = []
    streams = sys.stdin, sys.stdout, sys.stderr
    # A process without a terminal may have none.
    watched = [None if stream is None else _Watched(stream, kept) for stream in streams[1:]]
    try:
        with open(os.devnull, encoding="utf-8") as nothing:  # noqa: PTH123 - it is no path on every system
            sys.stdin, sys.stdout, sys.stderr = cast("list[TextIO]", [nothing, *watched])
            yield kept
    finally:
        # Whatever the plug-in has put there itself.
        sys.stdin, sys.stdout, sys.stderr = streams
        for stream in watched:
            if stream is not None:
                stream.let_go()


def _working_folder() -> str | None:
    try:
        return os.getcwd()  # noqa: PTH109 - as it is, to go back to
    except OSError:
        return None


def _settings() -> dict[str, str]:
    """The variables of the environment that say what priorkit does."""
    return {name: value for name, value in os.environ.items() if name.startswith("PRIORKIT_")}


def _restore_settings(before: dict[str, str]) -> bool:
    """Undoes a change of these variables; returns whether there was one."""
    now = _settings()
    if now == before:
        return False
    for name in now.keys() - before.keys():
        del os.environ[name]
    os.environ.update(before)
    return True


def _signal_handlers() -> dict[signal.Signals, Any]:
    """What ends the process from outside, as far as this thread may change it."""
    if threading.current_thread() is not threading.main_thread():
        return {}
    return {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}


def _restore_signal_handlers(before: dict[signal.Signals, Any]) -> bool:
    """Undoes a change of these handlers; returns whether there was one."""
    # What was not set by Python is known to it as None, and cannot be set again.
    changed = [number for number, handler in before.items() if handler not in (None, signal.getsignal(number))]
    for number in changed:
        signal.signal(number, before[number])
    return bool(changed)


def _torch_defaults() -> tuple[Any, Any, bool] | None:
    """The dtype and device of new tensors, and whether gradients are taken; None if torch is not (wholly) imported."""
    torch = sys.modules.get("torch")
    try:
        if torch is not None:
            return torch.get_default_dtype(), torch.get_default_device(), torch.is_grad_enabled()
    except AttributeError:
        pass
    return None


def _restore_torch_defaults(before: tuple[Any, Any, bool] | None) -> bool:
    """Undoes a change of these defaults; returns whether there was one."""
    now = _torch_defaults()
    if now is None:
        return False
    torch = sys.modules["torch"]
    if before is None:
        before = torch.float32, torch.device("cpu"), True
    if now == before:
        return False
    torch.set_default_dtype(before[0])
    # No device at all is the processor too, and costs nothing.
    torch.set_default_device(None if before[1].type == "cpu" else before[1])
    torch.set_grad_enabled(before[2])
    return True


@contextlib.contextmanager
def observed() -> Iterator[Observation]:
    """Watches what is done inside; what it prints, and what it changes for everybody, stays inside.

    That is: filters of warnings, the working folder, variables `PRIORKIT_...`, the handlers of SIGINT and SIGTERM, and
    the dtype, device and grad mode of torch. What is read from `sys.stdin` is empty.

    Yields:
        What will have been seen when it is over, however it ends.
    """
    seen = Observation()
    with _alone, warnings.catch_warnings(), _kept_streams() as kept:
        had_torch = "torch" in sys.modules
        folder, settings = _working_folder(), _settings()
        handlers, torch_defaults = _signal_handlers(), _torch_defaults()
        start = time.perf_counter()
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
            if _restore_settings(settings):
                seen.notes.append("changed variables PRIORKIT_... of the environment, which were changed back")
            if _restore_signal_handlers(handlers):
                seen.notes.append("changed what SIGINT (Ctrl-C) or SIGTERM does, which was changed back")
            if _restore_torch_defaults(torch_defaults):
                seen.notes.append("changed the dtype, device or grad mode of torch, which was changed back")
            # The last one, as the folder may be gone.
            if folder is not None and _working_folder() != folder:
                os.chdir(folder)
                seen.notes.append("changed the working folder, which was changed back")
