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
"""What torchrun tells each of the processes that it starts."""
_PATIENCE = timedelta(hours=2)
"""How long processes wait for one another: one may be downloading a data set."""

_joined: Processes | None = None
_store: Any = None
"""Where the processes find one another; it outlives groups that are given up."""
_groups = 0
"""How many groups were set up here: each finds its members under names of its own, as the store forgets none."""
_ours = False
"""Whether the default group of torch.distributed was set up here."""
_messengers: Any = None
"""Where the default group is the program's: one set up here beside it, which can be given up."""


def join_processes() -> Processes:
    """The processes that torchrun has started together with this one; this one alone if it was not started so.

    Sets up torch.distributed with gloo for tensors on the CPU and, where there is CUDA, NCCL for those on GPUs, unless
    the program has set it up already. Further calls give the same.

    Raises:
        ProcessesError: The environment is only in part that of torchrun, or the others cannot be reached.
    """
    global _joined
    if _joined is None:
        _joined = _join()
    return _joined


def abandon_processes(processes: Processes) -> None:
    """Gives up what processes were doing together, after an error: nobody waits for this one any more.

    Connections that were made here are closed, which ends what the others wait for with a `ProcessesError`. What they
    do next, if all of them live on, they begin by joining anew.

    Args:
        processes: As this process has joined them.
    """
    processes.give_up()
    if processes is _joined:
        _take_down()


def leave_processes() -> None:
    """Takes down what `join_processes` has set up; does nothing where it has not."""
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
    """The numbers of torchrun, as far as they are there.

    Raises:
        ProcessesError: Some of what torchrun sets is missing, or is no number.
    """
    numbers = {}
    for name in ("RANK", "WORLD_SIZE", *_LOCAL, "MASTER_PORT"):
        if name in environment:
            if not environment[name].isdecimal():
                raise ProcessesError(f"the environment has {name}={environment[name]!r}, and a number was expected")
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
        # A program that ends without it may crash in gloo's threads.
        atexit.register(leave_processes)
    _groups, _ours = _groups + 1, True


def _machine() -> tuple[str, Any]:
    """Differs between machines, and between containers that do not know of one another."""
    boot = Path("/proc/sys/kernel/random/boot_id")
    return socket.gethostname(), boot.read_text() if boot.is_file() else None
