"""Reads stored images ahead of training, in worker processes."""

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
"""Number of processors that training on the CPU keeps busy."""
_PREFETCHED = 2
"""Number of batches that each process reads ahead."""
_GRACE = 1.0
"""Seconds after which a process with a broken connection counts as alive."""
_PATIENCE = 5.0
"""Maximal number of seconds until a killed process has ended."""
_PR_SET_PDEATHSIG = 1
"""Option of prctl(2) that sets the signal sent when the parent ends; from Linux's prctl.h."""


def default_workers(device: torch.device, training: int = 1) -> int:
    """The default number of processes that read streamed images: the number of available processors, at most 8.

    0 if training on the CPU keeps all processors busy (one or two), or if processes are not forked (Windows, macOS), as
    they would import the user's program again.

    Args:
        device: The device of training.
        training: Number of processes on this machine that train together, and share its processors.
    """
    if _start_method() != "fork":
        return 0
    processors = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    processors = max(1, processors // training)
    # With two processors that train, worker processes were not faster when measured (docs/data.md).
    return 0 if device.type == "cpu" and processors <= _BUSY else min(_MOST_WORKERS, processors)


def _start_method() -> str:
    # Newer versions of Python have another default on Linux, but a forked process starts at once and shares memory.
    return "fork" if sys.platform == "linux" else multiprocessing.get_start_method()


class Stream:
    """Consecutive batches of stored images, read ahead.

    The processes start at the first batch, and start again if a batch does not follow the previous one.

    Args:
        images: The stored images.
        order: The order of the images.
        batch_size: Number of images in a batch of the whole run, by which the position advances.
        share: The slice of each batch that is read here.
        workers: Number of processes that read; 0 reads in this process, without reading ahead.
        pin_memory: Whether images are in pinned memory, which a GPU can copy while it computes.
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
        """The batch after `images_seen` images: uint8 (n, C, H, W), on the CPU.

        Raises:
            DataError: An image cannot be read, or a reading process was killed.
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
            # Batches are fetched in pieces from the process, so its end may cause various errors.
            if not connection.wait([process.sentinel for process in self._batches._workers], _GRACE):
                raise
            self.close()
            raise DataError(
                f"a process that reads images has ended: was it killed, or did memory or /dev/shm run out? "
                f"Use fewer processes (--workers, now {self.workers}), or 0 to read in the training process"
            ) from error
        if isinstance(pixels, PriorkitError):
            # The processes are already past this batch, so another request for it must start them again.
            self._position = -1
            raise pixels
        self._position = images_seen + self.plan.batch_size
        return pixels  # type: ignore[no-any-return]

    def _start(self, images_seen: int) -> Iterator[Any]:
        with warnings.catch_warnings():
            # The number of processes is the user's choice.
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
                # For the seed of its processes: torch's global generator belongs to the run.
                generator=torch.Generator(),
            )
            before = signal.getsignal(signal.SIGCHLD) if sys.platform != "win32" else None
            batches = iter(loader)
            if before is not None and signal.getsignal(signal.SIGCHLD) != before:
                # torch's handler would raise in the middle of a training step; waiting for a batch finds out, too.
                signal.signal(signal.SIGCHLD, before)
            return batches

    def close(self) -> None:
        """Ends the processes, whatever they are doing; the next batch starts them again."""
        batches, self._batches = self._batches, None
        if batches is None:
            return
        # Explicitly, because an error's traceback may keep the object alive.
        batches._shutdown_workers()
        for process in batches._workers:
            if process.is_alive():
                # It may be waiting for a disk, perhaps for ever.
                process.kill()
                process.join(_PATIENCE)


class _Plan:
    """The indices of the images to read at each position."""

    def __init__(self, order: DataOrder, batch_size: int, share: slice) -> None:
        self.order = order
        self.batch_size = batch_size
        self.share = share

    def indices(self, images_seen: int) -> Tensor:
        return self.order.batch(images_seen, self.batch_size)[self.share]


class _Positions(Sampler[Any]):
    """The indices of consecutive batches, without an end."""

    def __init__(self, plan: _Plan, images_seen: int) -> None:
        self.plan = plan
        self.images_seen = images_seen

    def __iter__(self) -> Iterator[Any]:
        position = self.images_seen
        while True:
            # As numpy arrays: each tensor would take a file descriptor on its way to the process.
            yield self.plan.indices(position).numpy()
            position += self.plan.batch_size


class _Reader(Dataset[Any]):
    def __init__(self, images: ImageSet) -> None:
        # Without labels, which would be copied if processes are not forked.
        self.images = ImageSet(images.images)

    def __getitem__(self, indices: np.ndarray[Any, Any]) -> Tensor | PriorkitError:
        try:
            return self.images.take(torch.from_numpy(indices))
        except PriorkitError as error:
            # Returned, because a raised error would arrive with the process's traceback in its message.
            return type(error)(str(error))


def _become_worker(_number: int, *, parent: int, in_main_thread: bool) -> None:
    """Prepares a worker process: called at its start, with the id of the process that started it."""
    # Ctrl-C, and SIGTERM to a group of processes, are for the training process, which saves a checkpoint and then ends
    # its workers. A forked worker has inherited the handlers of the training process.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    if sys.platform != "linux":
        return
    if in_main_thread:
        # If the training process is killed, its workers must end at once: they hold its open files, and with them the
        # lock of the run. (If another thread started them, the signal would come at the end of that thread.)
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        # The training process was killed before the signal was set up.
        os._exit(1)


_started: weakref.WeakSet[Stream] = weakref.WeakSet()


@atexit.register
def _close_all() -> None:
    """Ends the processes of streams that are still open. Python would send SIGTERM, which they ignore, and wait."""
    for stream in list(_started):
        stream.close()
