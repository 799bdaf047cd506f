"""Finds the processes that were started to train one run together."""

import atexit
import os
import socket
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch
from torch import distributed as dist
from torch.distributed.rendezvous import rendezvous

from priorkit.distributed.processes import Processes
from priorkit.errors import ProcessesError

__all__ = ["abandon_processes", "join_processes", "leave_processes"]

_NEEDED = ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
_LOCAL = ("LOCAL_RANK", "LOCAL_WORLD_SIZE")
"""Environment variables that torchrun sets in each process that it starts."""
_PATIENCE = timedelta(hours=2)
"""Time that processes wait for one another; one of them may be downloading a data set."""

_joined: Processes | None = None
_store: Any = None
"""The store through which processes find one another; it outlives abandoned groups."""
_groups = 0
"""Number of groups set up here: each uses names of its own in the store, which never forgets names."""
_ours = False
"""Whether the default group of torch.distributed was set up here."""
_messengers: Any = None
"""If the default group is the program's own: an additional group set up here, which can be abandoned."""


def join_processes() -> Processes:
    """Returns the processes that torchrun has started together; only this process if torchrun did not start it.

    Sets up torch.distributed with gloo for tensors on the CPU and, if CUDA is available, NCCL for tensors on GPUs,
    unless the program has set it up already. Further calls return the same processes.

    Raises:
        ProcessesError: Some environment variables of torchrun are missing or invalid, or the other processes cannot be
            reached.
    """
    global _joined
    if _joined is None:
        _joined = _join()
    return _joined


def abandon_processes(processes: Processes) -> None:
    """Leaves the other processes after an error, so that they do not wait for this one.

    Closes the connections that were made here, so that the others' waiting ends with a `ProcessesError`. If all
    processes survive, they join again for their next task.

    Args:
        processes: The processes, from `join_processes`.
    """
    processes.give_up()
    if processes is _joined:
        _take_down()


def leave_processes() -> None:
    """Takes down the groups that `join_processes` has set up, if any."""
    global _store
    _take_down()
    _store = None


def _take_down() -> None:
    global _joined, _messengers, _ours
    _joined = None
    if dist.is_available() and dist.is_initialized():
        if _ours:
            dist.destroy_process_group()
        elif _messengers is not None:
            dist.destroy_process_group(_messengers)
    _messengers, _ours = None, False


def _join() -> Processes:
    global _messengers
    if not dist.is_available():
        return Processes()
    environment = _read_environment(os.environ)
    if not dist.is_initialized():
        if environment.get("WORLD_SIZE", 1) == 1:
            return Processes()
        _set_up()
    rank, count = dist.get_rank(), dist.get_world_size()
    if count == 1:
        return Processes()
    if not _ours:
        _messengers = dist.new_group(backend="gloo", timeout=_PATIENCE)
    everybody = Processes(rank, count, group=_messengers)
    machines = everybody.gather(_machine())
    here = [other for other in range(count) if machines[other] == machines[rank]]
    return Processes(
        rank,
        count,
        local_rank=environment.get("LOCAL_RANK", here.index(rank)),
        local_count=environment.get("LOCAL_WORLD_SIZE", len(here)),
        group=_messengers,
    )


def _read_environment(environment: Mapping[str, str]) -> dict[str, int]:
    """Returns the numbers in torchrun's environment variables; none if torchrun did not start this process.

    Raises:
        ProcessesError: Some of the variables are missing, or are not numbers.
    """
    numbers = {}
    for name in ("RANK", "WORLD_SIZE", *_LOCAL, "MASTER_PORT"):
        if name in environment:
            if not environment[name].isdecimal():
                raise ProcessesError(f"the environment has {name}={environment[name]!r}, but a number was expected")
            numbers[name] = int(environment[name])
    missing = [name for name in _NEEDED if name not in environment]
    if numbers.get("WORLD_SIZE", 1) > 1 and missing and not dist.is_initialized():
        raise ProcessesError(
            f"the environment has WORLD_SIZE={numbers['WORLD_SIZE']} but no {', '.join(missing)}: start several "
            "processes with torchrun --nproc-per-node N -m priorkit train ..., or unset WORLD_SIZE"
        )
    return numbers


def _set_up() -> None:
    global _groups, _ours, _store
    backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() and dist.is_nccl_available() else "gloo"
    rank, count = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    try:
        if _store is None:
            _store, _, _ = next(rendezvous("env://", timeout=_PATIENCE))
        store = dist.PrefixStore(f"priorkit/{_groups}", _store)  # type: ignore[attr-defined]
        dist.init_process_group(backend, store=store, rank=rank, world_size=count, timeout=_PATIENCE)
    except (RuntimeError, ValueError) as error:
        where = f"{os.environ['MASTER_ADDR']}:{os.environ['MASTER_PORT']}"
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise ProcessesError(
            f"the processes cannot meet at {where} ({reason}): is the port taken, or the address another machine's? "
            "Choose another --master-port or --rdzv-endpoint"
        ) from error
    if _groups == 0:
        # Without this, a program may crash in gloo's threads when it ends.
        atexit.register(leave_processes)
    _groups, _ours = _groups + 1, True


def _machine() -> tuple[str, Any]:
    """Returns a text that differs between machines, and between separate containers."""
    boot = Path("/proc/sys/kernel/random/boot_id")
    return socket.gethostname(), boot.read_text() if boot.is_file() else None
