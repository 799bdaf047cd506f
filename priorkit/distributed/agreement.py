"""Keeps the networks of several processes equal."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from priorkit.distributed.processes import Processes
from priorkit.errors import ProcessesError

__all__ = ["average_statistics", "require_equal_descriptions", "require_equal_tensors"]

_TOLERANCE = 1e-3
"""Largest allowed difference of a tensor between processes, relative to its largest value. Rounding on different kinds
of machines causes smaller differences."""


def require_equal_tensors(tensors: Mapping[str, Tensor], processes: Processes, step: int) -> None:
    """Checks that every process has the same networks. All processes must call this function.

    Args:
        tensors: Weights and buffers by name.
        processes: The processes that train together.
        step: The current step, for the message.

    Raises:
        ProcessesError: Tensors differ by more than rounding; raised in all processes.
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
                "writes values to weights or buffers that depend on this process's images or random numbers; let it "
                "use only the phase's inputs, or train in one process"
            )


def _differ(own: Tensor, other: Tensor) -> bool:
    # Values that are not finite are reported elsewhere.
    if not own.is_floating_point() or own.numel() == 0 or not bool(own.isfinite().all() & other.isfinite().all()):
        return False
    return float((own - other).abs().max()) > _TOLERANCE * max(1.0, float(other.abs().max()))


def average_statistics(networks: Sequence[nn.Module], processes: Processes) -> None:
    """Replaces the statistics that each process has gathered from its own images by their means over all processes.

    All processes must call this function.

    Args:
        networks: The networks, whose running statistics of batch norm are changed in place.
        processes: The processes that train together.
    """
    layers = [layer for network in networks for layer in network.modules() if isinstance(layer, _BatchNorm)]
    statistics = [item for layer in layers for item in (layer.running_mean, layer.running_var) if item is not None]
    if processes.count > 1 and statistics:
        torch._foreach_div_(statistics, processes.count)
        processes.add_up(statistics)


def require_equal_descriptions(description: Mapping[str, Any], processes: Processes) -> None:
    """Checks that all processes were started for the same run. All processes must call this function.

    Args:
        description: The values that must be equal, by their names in messages.
        processes: The processes that train together.

    Raises:
        ProcessesError: Values differ; the message names the value, the process and both values. Raised in all
            processes.
    """
    main, *others = processes.gather(description)
    for rank, theirs in enumerate(others, 1):
        for name, value in theirs.items():
            if value != main.get(name):
                raise ProcessesError(
                    f"process {rank} of {processes.count} was started for another run: its {name} is {value}, but that "
                    f"of the main process {main.get(name)}; start all of them with the same command, on the same data"
                )
