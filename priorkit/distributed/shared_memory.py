"""Sums over the processes of one machine, through memory that they share."""

import os
import platform
import secrets
import select
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from priorkit.errors import ProcessesError

__all__ = ["SharedMemory", "share_memory"]

_SLOT = 2**21
"""Bytes that a process hands over at a time; larger tensors go in pieces."""
_LINE = 64
"""Bytes between counters, so that no two lie in one line of a processor's cache."""
_SPINS = 200
"""Looks at the others' counters before the processor is offered to somebody else."""
_PATIENCE = 0.02
"""Seconds of that before this process sleeps between looks, and looks whether the others are still there."""
_PAUSE = 2e-4
"""Seconds of sleep between looks."""
_GONE = -1
"""A counter of a process that will not come again."""
_MOST = 16
"""Processes from which on messages are better: here, each adds up what all have brought."""
_TOKEN = 16
"""Bytes at the end of the file, where sums are written later, by which it is recognised at first."""
_STRONGLY_ORDERED = ("x86_64", "AMD64")
"""Processors on which writes become visible in the order in which they were made; others need barriers in between."""


class SharedMemory:
    """Memory that all processes of a machine read and write, and the means to wait for one another.

    Batch norm adds up a few hundred numbers many times a step. Through a network's loopback, processors fall asleep
    and are woken for each of these sums; here they look for one another, which takes some microseconds.

    Args:
        path: A file of `size(count)` bytes, the same for all.
        rank: Which process this is, from 0.
        count: How many they are.
        processes: Their process numbers, to notice when one has ended.

    Raises:
        OSError: The file cannot be opened, or one of the processes is not there.
    """

    def __init__(self, path: Path, rank: int, count: int, processes: list[int]) -> None:
        self.rank = rank
        self.count = count
        self._ends = [_End(process) for process in processes]
        memory = torch.from_file(str(path), shared=True, size=self.size(count), dtype=torch.uint8)
        self._counters = memory[: count * _LINE].view(torch.int64).numpy()[:: _LINE // 8]
        self._slots = memory[count * _LINE :].view(2, count, _SLOT)
        self._views: dict[tuple[int, torch.dtype], list[tuple[Tensor, Tensor]]] = {}
        self._meetings = 0

    @staticmethod
    def size(count: int) -> int:
        """Bytes that `count` processes need."""
        return count * (_LINE + 2 * _SLOT)

    def add_up(self, values: Tensor) -> None:
        """Replaces a tensor by its sum over the processes: the same to the bit in all of them.

        Args:
            values: Contiguous, one dimension, on the CPU; of the same length and type everywhere.

        Raises:
            ProcessesError: Another process has ended.
        """
        for piece in torch.split(values, _SLOT // values.element_size()):
            self._add_up_piece(piece)

    def _add_up_piece(self, piece: Tensor) -> None:
        # Two sets of slots in turn: nobody writes into one before all, at the next meeting, have read it.
        mine, all_of_them = self._views_of(piece)[self._meetings % 2]
        mine.copy_(piece)
        self._meet()
        torch.sum(all_of_them, dim=0, out=piece)

    def _views_of(self, piece: Tensor) -> list[tuple[Tensor, Tensor]]:
        """This process's slot, and everybody's, in either set, as tensors like a piece. Its length comes again."""
        key = (len(piece), piece.dtype)
        if key not in self._views:
            both = self._slots[:, :, : piece.nbytes].view(piece.dtype)
            self._views[key] = [(slots[self.rank], slots) for slots in both]
        return self._views[key]

    def abandon(self) -> None:
        """Lets everybody who waits for this process know that it will not come."""
        self._counters[self.rank] = _GONE

    def _meet(self) -> None:
        """Waits until every process has come here as often as this one."""
        self._meetings += 1
        self._counters[self.rank] = self._meetings
        for other in range(self.count):
            if self._counters[other] < self._meetings:
                self._wait_for(other)

    def _wait_for(self, other: int) -> None:
        for _ in range(_SPINS):
            if self._counters[other] >= self._meetings:
                return
        began = time.monotonic()
        while self._counters[other] < self._meetings:
            os.sched_yield()
            if time.monotonic() - began > _PATIENCE:
                time.sleep(_PAUSE)
                gone = self._counters[other] == _GONE or self._ends[other].has_come()
                if gone and self._counters[other] < self._meetings:
                    raise ProcessesError(
                        f"process {other} of {self.count} has failed or ended; its own message says why; go on from "
                        "the last checkpoint with `priorkit train --resume RUN`"
                    ) from ProcessLookupError(other)


class _End:
    """The end of a process, which shows even while nobody has asked for its exit status."""

    def __init__(self, process: int) -> None:
        self._descriptor = os.pidfd_open(process)

    def has_come(self) -> bool:
        ready, _, _ = select.select([self._descriptor], [], [], 0)
        return bool(ready)

    def __del__(self) -> None:
        if hasattr(self, "_descriptor"):
            os.close(self._descriptor)


def share_memory(rank: int, count: int, gather: Callable[[Any], list[Any]]) -> SharedMemory | None:
    """Sets up memory that the processes of this machine share, or says that there is none to be had.

    Args:
        rank: Which process this is, from 0.
        count: How many they are, all on this machine.
        gather: Gives every process's value, in the order of their ranks.

    Returns:
        The memory; None in every process if one of them cannot have it.
    """
    able = platform.machine() in _STRONGLY_ORDERED and hasattr(os, "pidfd_open") and count <= _MOST
    token = secrets.token_bytes(_TOKEN)
    made = _reserve(SharedMemory.size(count), token) if rank == 0 and able else None
    try:
        path, token = gather((made, token))[0]
        processes = gather(os.getpid())
        memory = _open(path, token, rank, count, processes) if able and path is not None else None
        # The file goes when all have opened it; the memory stays with them.
        return memory if all(gather(memory is not None)) else None
    finally:
        if made is not None:
            made.unlink()


def _open(path: Path, token: bytes, rank: int, count: int, processes: list[int]) -> SharedMemory | None:
    """The memory, if this is the very file that the first process has made: containers may have others there."""
    try:
        with path.open("rb") as file:
            file.seek(-_TOKEN, os.SEEK_END)
            same = file.read() == token
        return SharedMemory(path, rank, count, processes) if same else None
    except (OSError, RuntimeError):
        return None


def _reserve(size: int, token: bytes) -> Path | None:
    """A new file of zeros that ends with the token, in memory where the system has such files; None without room."""
    folder = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    try:
        descriptor, name = tempfile.mkstemp(prefix="priorkit-", dir=folder)
    except OSError:
        return None
    try:
        # Without this, writing to a full file system would end the process.
        os.posix_fallocate(descriptor, 0, size)
        os.pwrite(descriptor, token, size - len(token))
    except OSError:
        Path(name).unlink()
        return None
    finally:
        os.close(descriptor)
    return Path(name)
