"""Optional acceleration of training steps: compiled networks, recorded phases."""

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from priorkit.config import RunConfig
from priorkit.distributed import Processes
from priorkit.engine import CudaGraphs, GraphRecorder, compile_method, require_compiler
from priorkit.errors import ConfigurationError, DeviceError
from priorkit.models.system import BuiltSystem

__all__ = ["choose_recorder", "compile_system"]


def compile_system(system: BuiltSystem, *, backend: str | Callable[..., Any] = "inductor") -> None:
    """Compiles the trained networks' methods that phases call, in place.

    Critics with a gradient penalty and networks that a phase differentiates twice are not compiled: torch.compile does
    not support double backward. Neither are networks with recurrent layers, which it does not support.

    Args:
        system: The components, on their device.
        backend: A backend of torch.compile, or its name.

    Raises:
        DeviceError: torch.compile does not work on this machine.
    """
    trained = system.trained()
    require_compiler(next(system.decoder.parameters()).device, backend=backend)
    twice = {name for item in system.chosen for name in item.phase.differentiates_twice}
    for name, network in trained.items():
        if name in twice or any(isinstance(layer, nn.RNNBase) for layer in network.modules()):
            continue
        if name in ("image_critic", "regularizer") and system.adversarial_loss.has_penalty:
            continue
        for module, method in _called(name, network):
            compile_method(module, method, backend=backend)


def _called(name: str, network: nn.Module) -> list[tuple[nn.Module, str]]:
    match name:
        case "image_critic":
            # The perceptual loss calls only `features`; a full pass calls one method after the other.
            return [(network, "features"), (network, "score")]
        case "regularizer":
            # A regularizer computes terms by calling its submodules.
            return [(child, "forward") for child in network.children() if any(True for _ in child.parameters())]
    return [(network, "forward")]


def choose_recorder(
    config: RunConfig, device: torch.device, processes: Processes | None = None
) -> GraphRecorder | None:
    """Makes the recorder of phases, if the configuration asks for one.

    Raises:
        DeviceError: The device has no CUDA graphs.
        ConfigurationError: Another setting is incompatible with CUDA graphs.
    """
    if not config.cuda_graphs:
        return None
    if config.on_divergence == "skip":
        raise ConfigurationError(
            "--on-divergence skip decides in every update, but --cuda-graphs replays updates as recorded: use "
            "--no-cuda-graphs, or --on-divergence rollback"
        )
    if device.type != "cuda":
        raise DeviceError(
            f"--cuda-graphs: the run computes on {device}, and only CUDA devices have them; "
            "use --no-cuda-graphs, or use --device cuda where there is one"
        )
    if config.compile:
        raise ConfigurationError("--cuda-graphs and --compile exclude each other: leave one of them out")
    if processes is not None and processes.count > 1:
        raise ConfigurationError(
            "--cuda-graphs: training in several processes cannot be recorded yet; use --no-cuda-graphs"
        )
    return CudaGraphs(device)
