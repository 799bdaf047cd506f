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

from priorkit.distributed.processes import Processes
from priorkit.distributed.shared_memory import share_memory
from priorkit.errors import ProcessesError

__all__ = ["abandon_processes", "join_processes", "leave_processes"]

_NEEDED = ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
_LOCAL = ("LOCAL_RANK", "LOCAL_WORLD_SIZE")
"""What torchrun tells each of the processes that it starts."""
_PATIENCE = timedelta(hours=2)
"""How long processes wait for one another: one may be downloading a data set."""

_joined: Processes | None = None
_ours = False
"""Whether the default group of torch.distributed was set up here."""


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

    What they do next, if all of them live on, they begin by joining anew.

    Args:
        processes: As this process has joined them.
    """
    global _joined
    processes.abandon()
    if processes is _joined:
        _joined = None


def leave_processes() -> None:
    """Takes down what `join_processes` has set up; does nothing where it has not."""
    global _joined, _ours
    _joined = None
    if _ours:
        _ours = False
        if dist.is_initialized():
            dist.destroy_process_group()


def _join() -> Processes:
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
    # Objects and small tensors are exchanged in main memory, which NCCL alone does not serve.
    group = dist.new_group(backend="gloo") if not _ours and dist.get_backend() == "nccl" else None
    everybody = Processes(rank, count, group=group)
    machines = everybody.gather(_machine())
    here = [other for other in range(count) if machines[other] == machines[rank]]
    memory = share_memory(rank, count, everybody.gather) if len(set(machines)) == 1 else None
    return Processes(
        rank,
        count,
        local_rank=environment.get("LOCAL_RANK", here.index(rank)),
        local_count=environment.get("LOCAL_WORLD_SIZE", len(here)),
        memory=memory,
        group=group,
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
    global _ours
    backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() and dist.is_nccl_available() else "gloo"
    try:
        dist.init_process_group(backend, timeout=_PATIENCE)
    except (RuntimeError, ValueError) as error:
        where = f"{os.environ['MASTER_ADDR']}:{os.environ['MASTER_PORT']}"
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise ProcessesError(
            f"the processes cannot meet at {where} ({reason}): is the port taken, or the address another machine's? "
            "Choose another --master-port or --rdzv-endpoint"
        ) from error
    _ours = True
    # A program that ends without it may crash in gloo's threads.
    atexit.register(leave_processes)


def _machine() -> tuple[str, Any]:
    """Differs between machines, and between containers that do not know of one another."""
    boot = Path("/proc/sys/kernel/random/boot_id")
    return socket.gethostname(), boot.read_text() if boot.is_file() else None
