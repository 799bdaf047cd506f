"""Reads stored images ahead of training, in processes of their own."""

import atexit
import contextlib
import ctypes
import multiprocessing
import os
import signal
import sys
import threading
import warnings
import weakref
from collections.abc import Iterator
from functools import partial
from multiprocessing import connection
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from priorkit.engine import DataOrder
from priorkit.errors import DataError, PriorkitError
from priorkit.interfaces import ImageSet

__all__ = ["Stream", "default_workers"]

_MOST_WORKERS = 8
_BUSY = 2
"""Processors that training on them keeps busy."""
_PREFETCHED = 2
"""Batches that each process reads ahead."""
_GRACE = 1.0
"""Seconds after which a process whose connection broke counts as alive."""
_PATIENCE = 5.0
"""Seconds that a process which was killed may take to end."""
_PR_SET_PDEATHSIG = 1
"""Of prctl(2), from Linux's prctl.h: a signal for when the parent ends."""


def default_workers(device: torch.device, training: int = 1) -> int:
    """How many processes read streamed images if nobody says: as many as this one may use, at most 8.

    None where training on two processors leaves nothing to others, and where processes are not forked (Windows, macOS):
    they would import the user's program again.

    Args:
        device: Where training computes.
        training: Processes on this machine that train together, and share its processors.
    """
    if _start_method() != "fork":
        return 0
    processors = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    processors = max(1, processors // training)
    # On two processors that train, reading in processes of their own was measured to be no quicker (docs/data.md).
    return 0 if device.type == "cpu" and processors <= _BUSY else min(_MOST_WORKERS, processors)


def _start_method() -> str:
    # Newer Pythons prefer others on Linux too; but a forked process starts at once and shares what is in memory.
    return "fork" if sys.platform == "linux" else multiprocessing.get_start_method()


class Stream:
    """The images of one batch after another, read ahead.

    Processes start with the first batch, and anew whenever a batch is asked for that does not follow the one before.

    Args:
        images: Where images are read from.
        order: Their order.
        batch_size: Images in a batch of the whole run, by which the position advances.
        share: Which of a batch's images are read here.
        workers: Processes that read; 0 reads in this one, when asked.
        pin_memory: Whether images are wanted in memory from which a GPU copies while it computes.
    """

    def __init__(
        self, images: ImageSet, order: DataOrder, batch_size: int, *, share: slice, workers: int, pin_memory: bool
    ) -> None:
        self.images = images
        self.plan = _Plan(order, batch_size, share)
        self.workers = workers
        self.pin_memory = pin_memory
        self._batches: Any = None
        self._position = -1

    def at(self, images_seen: int) -> Tensor:
        """The images that come after `images_seen` images: uint8 (n, C, H, W), on the CPU.

        Raises:
            DataError: An image cannot be read, or a process that reads has been killed.
        """
        if not self.workers:
            pixels = self.images.take(self.plan.indices(images_seen))
            return pixels.pin_memory() if self.pin_memory else pixels
        if self._batches is None or images_seen != self._position:
            self.close()
            self._batches = self._start(images_seen)
            _started.add(self)
        try:
            pixels = next(self._batches)
        except (RuntimeError, OSError, EOFError) as error:
            # Pieces of a batch are fetched from the process that read it, so that its end has many faces.
            if not connection.wait([process.sentinel for process in self._batches._workers], _GRACE):
                raise
            self.close()
            raise DataError(
                f"a process that reads images has ended: was it killed, or did memory or /dev/shm run out? "
                f"Use fewer (--workers, {self.workers} now), or 0 to read in the training process"
            ) from error
        if isinstance(pixels, PriorkitError):
            # What the processes have read ahead comes after this batch; whoever asks for it again starts anew.
            self._position = -1
            raise pixels
        self._position = images_seen + self.plan.batch_size
        return pixels  # type: ignore[no-any-return]

    def _start(self, images_seen: int) -> Iterator[Any]:
        with warnings.catch_warnings():
            # How many processes make sense is for the user to say.
            warnings.filterwarnings("ignore", message=".*worker processes", category=UserWarning)
            loader: DataLoader[Any] = DataLoader(
                _Reader(self.images),
                sampler=_Positions(self.plan, images_seen),
                batch_size=None,
                num_workers=self.workers,
                pin_memory=self.pin_memory,
                prefetch_factor=_PREFETCHED,
                worker_init_fn=partial(
                    _become_worker,
                    parent=os.getpid(),
                    in_main_thread=threading.current_thread() is threading.main_thread(),
                ),
                multiprocessing_context=_start_method(),
                # It draws a seed for its processes; torch's own generator is the run's.
                generator=torch.Generator(),
            )
            before = signal.getsignal(signal.SIGCHLD) if sys.platform != "win32" else None
            batches = iter(loader)
            if before is not None and signal.getsignal(signal.SIGCHLD) != before:
                # torch's handler would raise in the midst of a training step; whoever waits for a batch finds out too.
                signal.signal(signal.SIGCHLD, before)
            return batches

    def close(self) -> None:
        """Ends the processes, whatever they are doing. The next batch starts them again."""
        batches, self._batches = self._batches, None
        if batches is None:
            return
        # Dropping it would do the same, but not as long as an error's traceback refers to it.
        batches._shutdown_workers()
        for process in batches._workers:
            if process.is_alive():
                # It waits for a disk, perhaps for ever.
                process.kill()
                process.join(_PATIENCE)


class _Plan:
    """Which images a process reads at which position."""

    def __init__(self, order: DataOrder, batch_size: int, share: slice) -> None:
        self.order = order
        self.batch_size = batch_size
        self.share = share

    def indices(self, images_seen: int) -> Tensor:
        return self.order.batch(images_seen, self.batch_size)[self.share]


class _Positions(Sampler[Any]):
    """The indices of one batch after another, without an end."""

    def __init__(self, plan: _Plan, images_seen: int) -> None:
        self.plan = plan
        self.images_seen = images_seen

    def __iter__(self) -> Iterator[Any]:
        position = self.images_seen
        while True:
            # As a tensor, each would take a file descriptor on its way to the process.
            yield self.plan.indices(position).numpy()
            position += self.plan.batch_size


class _Reader(Dataset[Any]):
    def __init__(self, images: ImageSet) -> None:
        # Labels are not needed, and would be copied where processes are not forked.
        self.images = ImageSet(images.images)

    def __getitem__(self, indices: np.ndarray[Any, Any]) -> Tensor | PriorkitError:
        try:
            return self.images.take(torch.from_numpy(indices))
        except PriorkitError as error:
            # Returned, because what a process raises arrives with its traceback in the message.
            return type(error)(str(error))


def _become_worker(_number: int, *, parent: int, in_main_thread: bool) -> None:
    """Runs at the start of a process that reads; is told who started it."""
    # Ctrl-C, and SIGTERM to a group of processes, are for the training process: it saves a checkpoint, and then ends
    # these. Its own handlers came along with the fork.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    if sys.platform != "linux":
        return
    if in_main_thread:
        # Should the training process be killed: this one holds its open files, and with them the lock of the run, and
        # would notice some seconds later. (The end of another thread would count as the end of the process.)
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        # It was killed before it could be watched; nobody else would notice.
        os._exit(1)


_started: weakref.WeakSet[Stream] = weakref.WeakSet()


@atexit.register
def _close_all() -> None:
    """Ends what nobody has closed. Python would ask these processes to end by SIGTERM, and wait."""
    for stream in list(_started):
        stream.close()
