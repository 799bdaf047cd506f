"""The processes that train one run together."""

import re
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch import distributed as dist

from priorkit.errors import NonFiniteLossError, PriorkitError, ProcessesError

__all__ = ["Processes"]


class Processes:
    """The processes of a run, from the view of one of them. By default there is one, and the methods do nothing.

    Every process takes a part of each batch. Sums over the processes equal those of one process with the whole batch,
    so the run's result does not depend on the number of processes, except for rounding.

    All processes must call every method that waits for the others, in the same order.

    Args:
        rank: The index of this process, from 0.
        count: The number of processes.
        local_rank: The index of this process among those of its machine.
        local_count: The number of processes on its machine.
        group: The group of torch.distributed for tensors in main memory; None for the default group.
    """

    def __init__(
        self,
        rank: int = 0,
        count: int = 1,
        *,
        local_rank: int = 0,
        local_count: int = 1,
        group: Any = None,
    ) -> None:
        self.rank = rank
        self.count = count
        self.local_rank = local_rank
        self.local_count = local_count
        self._group = group
        self._given_up = False

    def __deepcopy__(self, memo: dict[int, Any]) -> "Processes":
        # Networks that know their processes are copied; the processes are not.
        return self

    @property
    def is_main(self) -> bool:
        """Whether this is the main process, which writes files and prints messages."""
        return self.rank == 0

    def share(self, batch_size: int) -> slice:
        """Returns this process's part of a batch as a slice; the sizes of parts differ by at most one image."""
        return slice(self.rank * batch_size // self.count, (self.rank + 1) * batch_size // self.count)

    def add_up(self, tensors: Sequence[Tensor]) -> None:
        """Replaces each tensor by its sum over the processes. Tensors of one type are sent together."""
        if self.count == 1:
            return
        for flat in _joined_by_type(tensors):
            with self._answers():
                dist.all_reduce(flat, group=self._group_for(flat))

    def copy_from_main(self, tensors: Sequence[Tensor]) -> None:
        """Replaces each tensor by that of the main process. Tensors of one type are sent together."""
        if self.count == 1:
            return
        for flat in _joined_by_type(tensors):
            with self._answers():
                dist.broadcast(flat, src=0, group=self._group_for(flat))

    def gather(self, value: Any) -> list[Any]:
        """Returns the value of every process, a small Python object, in the order of ranks."""
        if self.count == 1:
            return [value]
        values: list[Any] = [None] * self.count
        with self._answers():
            dist.all_gather_object(values, value, group=self._group)
        return values

    def _group_for(self, tensor: Tensor) -> Any:
        return self._group if tensor.device.type == "cpu" else None

    def agree(self, reason: str | None, seconds: float, *, failed: bool = False) -> tuple[str | None, float, bool]:
        """Lets the processes decide together whether to continue.

        Args:
            reason: The reason for which this process was asked to stop, or None.
            seconds: The training time of this process in seconds, by its own clock.
            failed: Whether this process cannot continue.

        Returns:
            The first reason that any process has, the main process's time, and whether any process cannot continue.
        """
        if self.count == 1:
            return reason, seconds, failed
        told = [float(reason is not None), float(failed), seconds if self.is_main else 0.0]
        message = torch.tensor(told, dtype=torch.float64)
        self.add_up([message])
        asked, failures, agreed = message.tolist()
        if asked:
            reason = next(other for other in self.gather(reason) if other is not None)
        return reason, agreed, failures > 0

    @contextmanager
    def together(self) -> Iterator[None]:
        """Inside this context, an error in one process becomes an error in all of them.

        Raises:
            ProcessesError: Another process has failed.
        """
        if self.count == 1:
            yield
            return
        failure: Exception | None = None
        try:
            yield
        except ProcessesError as error:
            if not error.told and error.__cause__ is not None:
                # The others cannot be reached.
                raise
            failure = error
        except Exception as error:
            failure = error
        told = self.gather(None if failure is None else f"on {socket.gethostname()}: {_in_words(failure)}")
        failed = [f"process {rank} of {self.count} {text}" for rank, text in enumerate(told) if text is not None]
        expected = isinstance(failure, PriorkitError | NonFiniteLossError)
        if failure is not None and (self.is_main or not expected):
            # A programming error needs its traceback, in whichever process it occurs.
            raise failure
        if failed:
            raise ProcessesError(failed[0], told=not self.is_main) from failure

    @contextmanager
    def first_on_machine(self) -> Iterator[None]:
        """Inside this context, one process of each machine goes first, and the others follow."""
        if self.local_rank > 0:
            self.gather(None)
        try:
            yield
        finally:
            if self.local_rank == 0:
                self.gather(None)

    def give_up(self) -> None:
        """Stops sending messages and releases the connections; called by `abandon_processes`."""
        self._given_up, self._group = True, None

    @contextmanager
    def _answers(self) -> Iterator[None]:
        """Turns errors of waiting for other processes, which may have ended, into one-line errors."""
        if self._given_up:
            raise ProcessesError(
                "the processes of this run have abandoned it after an error; "
                "resume it from the last checkpoint with `priorkit train --resume RUN`"
            )
        try:
            yield
        except RuntimeError as error:
            if isinstance(error, torch.OutOfMemoryError):
                raise
            # The type of the error depends on the backend. gloo's message has a source line, the fact, and advice.
            fact = re.sub(r"^\[[^]]*\] ", "", next(iter(str(error).splitlines()), type(error).__name__)).split(". ")[0]
            raise ProcessesError(
                f"another process of this run has ended or does not answer ({fact}); its own message says why; "
                "resume from the last checkpoint with `priorkit train --resume RUN`"
            ) from error


def _in_words(error: Exception) -> str:
    expected = isinstance(error, PriorkitError | NonFiniteLossError)
    return str(error) if expected else f"{type(error).__name__}: {error}"


def _joined_by_type(tensors: Sequence[Tensor]) -> Iterator[Tensor]:
    """Yields the tensors of each type as one flat, contiguous tensor, and then copies its values back to them."""
    for dtype in dict.fromkeys(tensor.dtype for tensor in tensors):
        alike = [tensor.detach() for tensor in tensors if tensor.dtype == dtype]
        if len(alike) == 1 and alike[0].is_contiguous():
            yield alike[0].view(-1)
            continue
        flat = torch.cat([tensor.reshape(-1) for tensor in alike])
        yield flat
        parts = torch.split(flat, [tensor.numel() for tensor in alike])
        torch._foreach_copy_(alike, [part.view_as(tensor) for part, tensor in zip(parts, alike, strict=True)])
