"""The optimisers of a system's networks: one for each network, shared by the phases that train it."""

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.optim import Optimizer

from priorkit.config import RunConfig
from priorkit.engine import make_optimizer
from priorkit.interfaces import OptimizerSettings
from priorkit.models.stages import PlannedStage
from priorkit.models.system import BuiltSystem

__all__ = ["make_optimizers", "set_learning_rates"]


def make_optimizers(system: BuiltSystem, config: RunConfig, *, capturable: bool = False) -> dict[str, Optimizer]:
    """An optimiser for every network that some phase trains, by the network's name.

    A network's learning rate in the configuration has priority, then a phase's settings, then the run's.

    Args:
        system: The components, on their device.
        config: The run's settings.
        capturable: Whether steps can be recorded in a CUDA graph.
    """
    optimizers: dict[str, Optimizer] = {}
    asked = _asked_for(system)
    # A recorded graph reads tensors from memory, which may change between replays; a number would be fixed.
    kept_in_memory = capturable and any(not stage.lr_schedule.constant for stage in system.stages)
    for name, network in system.trained().items():
        settings = asked.get(name, OptimizerSettings())
        first = next((stage for stage in system.stages if name in stage.trains()), system.stages[0])
        rate = _own_rate(name, config, settings) or first.learning_rate
        device = next(network.parameters()).device
        optimizers[name] = make_optimizer(
            settings.optimizer or config.optimizer,
            network.parameters(),
            learning_rate=torch.tensor(rate, device=device) if kept_in_memory else rate,
            beta1=config.beta1 if settings.beta1 is None else settings.beta1,
            beta2=config.beta2 if settings.beta2 is None else settings.beta2,
            weight_decay=config.weight_decay if settings.weight_decay is None else settings.weight_decay,
            capturable=capturable,
        )
    return optimizers


def set_learning_rates(
    optimizers: Mapping[str, Optimizer],
    system: BuiltSystem,
    config: RunConfig,
    stage: PlannedStage,
    factor: float = 1.0,
) -> None:
    """Sets the learning rates of the networks that a stage trains: the stage's, unless a network has its own.

    Args:
        optimizers: The optimisers, changed in place.
        system: The components.
        config: The run's settings.
        stage: The stage that begins.
        factor: Factor of all learning rates.
    """
    asked = _asked_for(system)
    for name in stage.trains():
        own = _own_rate(name, config, asked.get(name, OptimizerSettings()))
        for group in optimizers[name].param_groups:
            rate = factor * (stage.learning_rate if own is None else own)
            if isinstance(group["lr"], Tensor):
                group["lr"].fill_(rate)
            else:
                group["lr"] = rate


def _asked_for(system: BuiltSystem) -> dict[str, OptimizerSettings]:
    """The phases' optimiser settings, by the network's name."""
    return {name: settings for item in system.chosen for name, settings in item.phase.optimizers.items()}


def _own_rate(name: str, config: RunConfig, settings: OptimizerSettings) -> float | None:
    """The learning rate that a network has in every stage; None if it has the stage's."""
    own: float | None = getattr(config.learning_rates, name, None)
    return settings.learning_rate if own is None else own
