"""Preserves the calling program's signal handlers and torch's global generators during training."""

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

import torch

__all__ = ["kept_generators", "raise_again", "stop_signals"]

_PATIENCE = 1.0
"""Seconds within which repeated requests to stop count as one."""


@contextmanager
def kept_generators(device: torch.device) -> Iterator[None]:
    """Restores torch's global generators afterwards, because the engine seeds them."""
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        yield


@contextmanager
def stop_signals() -> Iterator[Callable[[], str | None]]:
    """Yields a function that returns the reason if the process has been asked to stop."""
    asked: list[str] = []
    asked_at: list[float] = []

    def handle(number: int, frame: FrameType | None) -> None:
        if asked and number == signal.SIGINT and time.monotonic() - asked_at[0] > _PATIENCE:
            # A second Ctrl-C: the user does not want to wait for the checkpoint. Launchers and schedulers may repeat a
            # request, and kill the process if it does not end in time.
            raise KeyboardInterrupt
        asked.append("interrupted" if number == signal.SIGINT else "terminated")
        asked_at.append(time.monotonic())

    before = {}
    try:
        for number in (signal.SIGINT, signal.SIGTERM):
            before[number] = signal.signal(number, handle)
    except ValueError:
        # Only the main thread may handle signals; in other threads, the calling program does.
        pass
    try:
        yield lambda: asked[0] if asked else None
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def raise_again(reason: str) -> None:
    """Gives the signal that stopped a training its usual effect on the program.

    Args:
        reason: The reason from `stop_signals`.

    Raises:
        KeyboardInterrupt: It was Ctrl-C.
    """
    signal.raise_signal(signal.SIGINT if reason == "interrupted" else signal.SIGTERM)
