"""What a training leaves as it found it: the program's signals, and torch's global generators."""

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

import torch

__all__ = ["kept_generators", "raise_again", "stop_signals"]

_PATIENCE = 1.0
"""Seconds within which further requests to stop are taken for the same one."""


@contextmanager
def kept_generators(device: torch.device) -> Iterator[None]:
    """The engine seeds torch's global generators; a caller's own randomness goes on as if it had not."""
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        yield


@contextmanager
def stop_signals() -> Iterator[Callable[[], str | None]]:
    """Gives a function that says whether, and by what, the process has been asked to stop."""
    asked: list[str] = []
    asked_at: list[float] = []

    def handle(number: int, frame: FrameType | None) -> None:
        if asked and number == signal.SIGINT and time.monotonic() - asked_at[0] > _PATIENCE:
            # Ctrl-C once more: the user will not wait for the checkpoint. Launchers and schedulers pass one request on
            # several times, and kill what does not end in time.
            raise KeyboardInterrupt
        asked.append("interrupted" if number == signal.SIGINT else "terminated")
        asked_at.append(time.monotonic())

    before = {}
    try:
        for number in (signal.SIGINT, signal.SIGTERM):
            before[number] = signal.signal(number, handle)
    except ValueError:
        # Only the main thread may handle signals; elsewhere the program around us does.
        pass
    try:
        yield lambda: asked[0] if asked else None
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def raise_again(reason: str) -> None:
    """Does to the program what the signal that stopped a training does elsewhere.

    Args:
        reason: As `stop_signals` gave it.

    Raises:
        KeyboardInterrupt: It was Ctrl-C.
    """
    signal.raise_signal(signal.SIGINT if reason == "interrupted" else signal.SIGTERM)
