"""Keeps the networks of several processes one."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from priorkit.config import RunConfig
from priorkit.engine import Processes
from priorkit.errors import ConfigurationError, ProcessesError
from priorkit.training.system import BuiltSystem

__all__ = ["average_statistics", "require_enough_images", "require_equal_tensors", "require_shareable_terms"]

_TOLERANCE = 1e-3
"""Difference, relative to a tensor's largest value, beyond which processes no longer train one network. Rounding on
machines of different kinds leaves less."""


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


def require_shareable_terms(system: BuiltSystem, config: RunConfig, processes: Processes) -> None:
    """Makes sure that nothing needs a whole batch where each process has a share of it.

    Raises:
        ConfigurationError: One does.
    """
    if processes.count == 1:
        return
    if system.fits_codes:
        raise ConfigurationError(
            f"a prior is fitted to kept codes in one process, and there are {processes.count}: start priorkit without "
            "torchrun"
        )
    # The adversarial loss first: the regularizer may only pass on what its own needs.
    components = {
        "adversarial_loss": system.adversarial_loss,
        "regularizer": system.regularizer,
        "loss": system.loss,
        "condition": system.condition,
    }
    for slot, component in components.items():
        if component is not None and component.needs_whole_batch:
            raise ConfigurationError(
                f"--{slot.replace('_', '-')} {getattr(config, slot).name}: it needs all samples of a batch, and "
                f"each of {processes.count} processes has a part of them: train in one process, or choose another one"
            )
    for brought in system.brought:
        if brought.phase.needs_whole_batch:
            raise ConfigurationError(
                f"{brought.given}: its phase {brought.phase.name!r} needs all samples of a batch, and each of "
                f"{processes.count} processes has a part of them: train in one process, or choose another one"
            )


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
