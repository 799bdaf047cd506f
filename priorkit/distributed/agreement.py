"""Keeps the networks of several processes one."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from priorkit.distributed.processes import Processes
from priorkit.errors import ProcessesError

__all__ = ["average_statistics", "require_equal_descriptions", "require_equal_tensors"]

_TOLERANCE = 1e-3
"""Difference, relative to a tensor's largest value, beyond which processes no longer train one network. Rounding on
machines of different kinds leaves less."""


def require_equal_tensors(tensors: Mapping[str, Tensor], processes: Processes, step: int) -> None:
    """Makes sure that every process has the same networks. All must call it.

    Args:
        tensors: Weights and buffers by name.
        processes: Those that train together.
        step: When that is, for the message.

    Raises:
        ProcessesError: Some differ by more than rounding; raised in all processes.
    """
    if processes.count == 1:
        return
    theirs = {name: tensor.detach().clone() for name, tensor in tensors.items()}
    processes.copy_from_main(list(theirs.values()))
    differing = [name for name, tensor in tensors.items() if _differ(tensor.detach(), theirs[name])]
    for rank, names in enumerate(processes.gather(differing[:1])):
        if names:
            raise ProcessesError(
                f"{names[0]} in process {rank} differs from that of the main process at step {step}: a plug-in "
                "writes to weights or buffers what depends on its own images or random numbers; let it use what "
                "the phase is given, or train in one process"
            )


def _differ(own: Tensor, other: Tensor) -> bool:
    # What is not finite has errors of its own.
    if not own.is_floating_point() or own.numel() == 0 or not bool(own.isfinite().all() & other.isfinite().all()):
        return False
    return float((own - other).abs().max()) > _TOLERANCE * max(1.0, float(other.abs().max()))


def average_statistics(networks: Sequence[nn.Module], processes: Processes) -> None:
    """Replaces statistics that each process has gathered from its own images by their means. All must call it.

    Args:
        networks: Changed in place: the running statistics of their batch norm.
        processes: Those that train together.
    """
    layers = [layer for network in networks for layer in network.modules() if isinstance(layer, _BatchNorm)]
    statistics = [item for layer in layers for item in (layer.running_mean, layer.running_var) if item is not None]
    if processes.count > 1 and statistics:
        torch._foreach_div_(statistics, processes.count)
        processes.add_up(statistics)


def require_equal_descriptions(description: Mapping[str, Any], processes: Processes) -> None:
    """Makes sure that all processes were started for the same run. All must call it.

    Args:
        description: What must be equal, by the names that messages use.
        processes: Those that train together.

    Raises:
        ProcessesError: They differ; the message names what, where and how. Raised in all processes.
    """
    main, *others = processes.gather(description)
    for rank, theirs in enumerate(others, 1):
        for name, value in theirs.items():
            if value != main.get(name):
                raise ProcessesError(
                    f"process {rank} of {processes.count} was started for another run: its {name} is {value}, and that "
                    f"of the main process {main.get(name)}; start all of them with the same command, on the same data"
                )
