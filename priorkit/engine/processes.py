"""The processes that train one run together."""

import atexit
import os
import re
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch import distributed as dist

from priorkit.engine.shared_memory import SharedMemory, share_memory
from priorkit.errors import NonFiniteLossError, PriorkitError, ProcessesError

__all__ = ["Processes", "join_processes", "leave_processes"]

_VARIABLES = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
"""What torchrun tells each of the processes that it starts."""


class Processes:
    """The processes of a run, seen from one of them. By default there is one, and everything here does nothing.

    Every process takes a part of each batch. What is added up over the processes is what one process with the whole
    batch would have, so the run does not depend on their number but for rounding.

    Every method that waits for the others must be called by all of them, in the same order.

    Args:
        rank: Which one this is, from 0.
        count: How many there are.
        local_rank: Which one this is among those of its machine.
        local_count: How many there are on its machine.
        memory: What they share if all are on one machine; None to send messages.

    Attributes:
        part: Which part of the batch in progress this process has; all parts add up to 1.
    """

    def __init__(
        self,
        rank: int = 0,
        count: int = 1,
        *,
        local_rank: int = 0,
        local_count: int = 1,
        memory: SharedMemory | None = None,
    ) -> None:
        self.rank = rank
        self.count = count
        self.local_rank = local_rank
        self.local_count = local_count
        self.part = 1 / count
        self._memory = memory

    @property
    def is_main(self) -> bool:
        """Whether this is the one that writes files and talks to the user."""
        return self.rank == 0

    def share(self, batch_size: int) -> slice:
        """Which images of a batch this process takes; parts differ by one image at most."""
        return slice(self.rank * batch_size // self.count, (self.rank + 1) * batch_size // self.count)

    def add_up(self, tensors: Sequence[Tensor]) -> None:
        """Replaces each tensor by its sum over the processes. All of one type travel together."""
        if self.count == 1:
            return
        for dtype in dict.fromkeys(tensor.dtype for tensor in tensors):
            alike = [tensor.detach() for tensor in tensors if tensor.dtype == dtype]
            with _others_may_end():
                if self._memory is not None and alike[0].device.type == "cpu":
                    self._memory.add_up(alike)
                else:
                    _send_and_add_up(alike)

    def copy_from_main(self, tensors: Sequence[Tensor]) -> None:
        """Replaces each tensor by the main process's."""
        if self.count == 1:
            return
        for tensor in tensors:
            # Collectives want contiguous memory, which channels-last weights do not have.
            sent = tensor.detach().contiguous()
            with _others_may_end():
                dist.broadcast(sent, src=0)
            tensor.detach().copy_(sent)

    def gather(self, value: Any) -> list[Any]:
        """Every process's value, a small Python object, in the order of their ranks."""
        if self.count == 1:
            return [value]
        values: list[Any] = [None] * self.count
        with _others_may_end():
            dist.all_gather_object(values, value)
        return values

    def agree(self, reason: str | None, seconds: float) -> tuple[str | None, float]:
        """Makes the processes of one mind about stopping.

        Args:
            reason: Why this process has been asked to stop, or None.
            seconds: How long it has been training, by its own clock.

        Returns:
            The first reason that a process has, and the main process's time.
        """
        if self.count == 1:
            return reason, seconds
        message = torch.tensor([float(reason is not None), seconds if self.is_main else 0.0], dtype=torch.float64)
        self.add_up([message])
        asked, agreed = message.tolist()
        if asked:
            reason = next(other for other in self.gather(reason) if other is not None)
        return reason, agreed

    @contextmanager
    def together(self) -> Iterator[None]:
        """What is done inside either works in every process or fails in all of them.

        Raises:
            ProcessesError: It has failed in another process.
        """
        if self.count == 1:
            yield
            return
        failure: PriorkitError | NonFiniteLossError | None = None
        try:
            yield
        except (PriorkitError, NonFiniteLossError) as error:
            if isinstance(error, ProcessesError):
                # The others cannot be asked.
                raise
            failure = error
        told = self.gather(None if failure is None else f"on {socket.gethostname()}: {failure}")
        failed = [f"process {rank} of {self.count} {text}" for rank, text in enumerate(told) if text is not None]
        if failure is not None and self.is_main:
            raise failure
        if failed:
            raise ProcessesError(failed[0], told=not self.is_main) from failure

    @contextmanager
    def first_on_machine(self) -> Iterator[None]:
        """What is done inside is done by one process of each machine first, and then by its others."""
        if self.local_rank > 0:
            self.gather(None)
        try:
            yield
        finally:
            if self.local_rank == 0:
                self.gather(None)


def _send_and_add_up(tensors: list[Tensor]) -> None:
    flat = torch.cat([tensor.reshape(-1) for tensor in tensors])
    dist.all_reduce(flat)
    sums = torch.split(flat, [tensor.numel() for tensor in tensors])
    torch._foreach_copy_(tensors, [part.view_as(tensor) for part, tensor in zip(sums, tensors, strict=True)])


@contextmanager
def _others_may_end() -> Iterator[None]:
    """Inside this context, a process waits for the others; they may have ended meanwhile."""
    try:
        yield
    except RuntimeError as error:
        # Which kind it is depends on the backend, and its message on the network; it may begin with a place in gloo.
        first = re.sub(r"^\[[^]]*\] ", "", next(iter(str(error).splitlines()), type(error).__name__))
        raise ProcessesError(
            f"another process of this run has ended or does not answer ({first}); its own message says why; "
            "go on from the last checkpoint with `priorkit train --resume RUN`"
        ) from error


def join_processes() -> Processes:
    """The processes that torchrun has started together with this one; this one alone if it was not started so.

    Sets up torch.distributed with gloo for tensors on the CPU and, where there is CUDA, NCCL for those on GPUs, unless
    the program has set it up already.

    Raises:
        ProcessesError: The environment is only in part that of torchrun, or the others cannot be reached.
    """
    if not dist.is_available():
        return Processes()
    given = {name: os.environ[name] for name in _VARIABLES if name in os.environ}
    if not dist.is_initialized():
        if "RANK" not in given or given.get("WORLD_SIZE", "1") == "1":
            return Processes()
        missing = [name for name in _VARIABLES if name not in given]
        if missing:
            raise ProcessesError(
                f"the environment has RANK and WORLD_SIZE but no {', '.join(missing)}: start several processes with "
                "torchrun --nproc-per-node N -m priorkit train ..."
            )
        backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() and dist.is_nccl_available() else "gloo"
        with _others_may_end():
            dist.init_process_group(backend)
        # A program that ends without it may crash in gloo's threads.
        atexit.register(leave_processes)
    try:
        local_rank, local_count = int(given.get("LOCAL_RANK", 0)), int(given.get("LOCAL_WORLD_SIZE", 1))
    except ValueError as error:
        raise ProcessesError(
            f"LOCAL_RANK and LOCAL_WORLD_SIZE must be numbers, as torchrun sets them: {error}"
        ) from None
    processes = Processes(dist.get_rank(), dist.get_world_size(), local_rank=local_rank, local_count=local_count)
    if processes.count == 1 or local_count < processes.count:
        return processes
    memory = share_memory(processes.rank, processes.count, processes.gather)
    return Processes(processes.rank, processes.count, local_rank=local_rank, local_count=local_count, memory=memory)


def leave_processes() -> None:
    """Takes down what `join_processes` has set up; does nothing where it has not."""
    if dist.is_available() and dist.is_initialized():
        dist.destroy_process_group()
