"""Keeps the networks of several processes one."""

import math
from collections.abc import Mapping, Sequence

import torch
from torch import nn

from priorkit.config import RunConfig
from priorkit.engine import Processes
from priorkit.errors import ConfigurationError, ProcessesError

__all__ = ["average_statistics", "require_enough_images", "require_equal_weights"]

_TOLERANCE = 1e-4
"""Relative difference of weights at which processes no longer train one network. Rounding leaves far less."""


def require_enough_images(config: RunConfig, processes: Processes) -> None:
    """Makes sure that each process has images of every batch: two where its batch norm sees no others.

    Raises:
        ConfigurationError: The batches are too small.
    """
    each = 1 if config.synchronise_batch_norm else 2
    if processes.count > 1 and config.batch_size < each * processes.count:
        raise ConfigurationError(
            f"--batch-size {config.batch_size} is too small for {processes.count} processes, which share each batch: "
            f"use at least --batch-size {each * processes.count}, or fewer processes"
        )


def require_equal_weights(networks: Mapping[str, nn.Module], processes: Processes, step: int) -> None:
    """Makes sure that every process has the same weights. All must call it.

    Raises:
        ProcessesError: They differ.
    """
    if processes.count == 1:
        return
    norms = {
        name: float(
            torch.stack([weight.detach().abs().sum(dtype=torch.float64) for weight in network.parameters()]).sum()
        )
        for name, network in networks.items()
    }
    for rank, theirs in enumerate(processes.gather(norms)):
        for name, norm in norms.items():
            # What is not finite has errors of its own.
            if math.isfinite(norm) and not math.isclose(norm, theirs[name], rel_tol=_TOLERANCE):
                raise ProcessesError(
                    f"the weights of {name} in process {rank} differ from those in process {processes.rank} at step "
                    f"{step}; all processes must compute the same updates: does a plug-in draw from a generator of its "
                    "own, or read the clock?"
                )


def average_statistics(networks: Sequence[nn.Module], processes: Processes) -> None:
    """Replaces statistics that each process has gathered from its own images by their means. All must call it.

    Args:
        networks: Changed in place: their floating-point buffers.
        processes: Those that train together.
    """
    statistics = [buffer for network in networks for buffer in network.buffers() if buffer.is_floating_point()]
    if processes.count > 1 and statistics:
        torch._foreach_div_(statistics, processes.count)
        processes.add_up(statistics)
