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
    """The processes of a run, seen from one of them. By default there is one, and everything here does nothing.

    Every process takes a part of each batch. What is added up over the processes is what one process with the whole
    batch would have, so the run does not depend on their number but for rounding.

    Every method that waits for the others must be called by all of them, in the same order.

    Args:
        rank: Which one this is, from 0.
        count: How many there are.
        local_rank: Which one this is among those of its machine.
        local_count: How many there are on its machine.
        group: The group of torch.distributed that sends what lies in main memory; None for the default one.
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
        """Whether this is the one that writes files and talks to the user."""
        return self.rank == 0

    def share(self, batch_size: int) -> slice:
        """Which images of a batch this process takes; parts differ by one image at most."""
        return slice(self.rank * batch_size // self.count, (self.rank + 1) * batch_size // self.count)

    def add_up(self, tensors: Sequence[Tensor]) -> None:
        """Replaces each tensor by its sum over the processes. All of one type travel together."""
        if self.count == 1:
            return
        for flat in _joined_by_type(tensors):
            with self._answers():
                dist.all_reduce(flat, group=self._group_for(flat))

    def copy_from_main(self, tensors: Sequence[Tensor]) -> None:
        """Replaces each tensor by the main process's. All of one type travel together."""
        if self.count == 1:
            return
        for flat in _joined_by_type(tensors):
            with self._answers():
                dist.broadcast(flat, src=0, group=self._group_for(flat))

    def gather(self, value: Any) -> list[Any]:
        """Every process's value, a small Python object, in the order of their ranks."""
        if self.count == 1:
            return [value]
        values: list[Any] = [None] * self.count
        with self._answers():
            dist.all_gather_object(values, value, group=self._group)
        return values

    def _group_for(self, tensor: Tensor) -> Any:
        return self._group if tensor.device.type == "cpu" else None

    def agree(self, reason: str | None, seconds: float, *, failed: bool = False) -> tuple[str | None, float, bool]:
        """Makes the processes of one mind about going on.

        Args:
            reason: Why this process has been asked to stop, or None.
            seconds: How long it has been training, by its own clock.
            failed: Whether it cannot go on.

        Returns:
            The first reason that a process has, the main process's time, and whether any process cannot go on.
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
        """What is done inside either works in every process or fails in all of them.

        Raises:
            ProcessesError: It has failed in another process.
        """
        if self.count == 1:
            yield
            return
        failure: Exception | None = None
        try:
            yield
        except ProcessesError as error:
            if not error.told and error.__cause__ is not None:
                # The others cannot be asked.
                raise
            failure = error
        except Exception as error:
            failure = error
        told = self.gather(None if failure is None else f"on {socket.gethostname()}: {_in_words(failure)}")
        failed = [f"process {rank} of {self.count} {text}" for rank, text in enumerate(told) if text is not None]
        expected = isinstance(failure, PriorkitError | NonFiniteLossError)
        if failure is not None and (self.is_main or not expected):
            # A mistake of the program's is worth its traceback, wherever it is.
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

    def give_up(self) -> None:
        """Sends no more messages, and lets go of the connections; `abandon_processes` calls it."""
        self._given_up, self._group = True, None

    @contextmanager
    def _answers(self) -> Iterator[None]:
        """Inside this context, a process waits for the others; they may have ended meanwhile."""
        if self._given_up:
            raise ProcessesError(
                "the processes of this run have given it up after an error; "
                "go on from the last checkpoint with `priorkit train --resume RUN`"
            )
        try:
            yield
        except RuntimeError as error:
            if isinstance(error, torch.OutOfMemoryError):
                raise
            # Its kind depends on the backend, its message on the network: a place in gloo, the fact, advice.
            fact = re.sub(r"^\[[^]]*\] ", "", next(iter(str(error).splitlines()), type(error).__name__)).split(". ")[0]
            raise ProcessesError(
                f"another process of this run has ended or does not answer ({fact}); its own message says why; "
                "go on from the last checkpoint with `priorkit train --resume RUN`"
            ) from error


def _in_words(error: Exception) -> str:
    expected = isinstance(error, PriorkitError | NonFiniteLossError)
    return str(error) if expected else f"{type(error).__name__}: {error}"


def _joined_by_type(tensors: Sequence[Tensor]) -> Iterator[Tensor]:
    """All tensors of one type as one, contiguous and flat; what it holds when the next is asked for goes back."""
    for dtype in dict.fromkeys(tensor.dtype for tensor in tensors):
        alike = [tensor.detach() for tensor in tensors if tensor.dtype == dtype]
        if len(alike) == 1 and alike[0].is_contiguous():
            yield alike[0].view(-1)
            continue
        flat = torch.cat([tensor.reshape(-1) for tensor in alike])
        yield flat
        parts = torch.split(flat, [tensor.numel() for tensor in alike])
        torch._foreach_copy_(alike, [part.view_as(tensor) for part, tensor in zip(parts, alike, strict=True)])
