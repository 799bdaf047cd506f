"""The optimisers of a system's networks: one each, shared by the phases that train it."""

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

    A learning rate that the user gives a network comes first, then what a phase asks for, then the run's settings.

    Args:
        system: The components, on their device.
        config: The run's settings.
        capturable: Whether steps can be recorded in a CUDA graph.
    """
    optimizers: dict[str, Optimizer] = {}
    asked = _asked_for(system)
    # What a recorded graph reads from memory may change between its replays; a number in it would not.
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
    """Gives the networks that a stage trains their learning rates: its own, unless something else is said of one.

    Args:
        optimizers: Changed in place.
        system: The components.
        config: The run's settings.
        stage: The stage that begins.
        factor: What all of them are multiplied by.
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
    """What phases say of how networks are optimised, by the network's name."""
    return {name: settings for item in system.chosen for name, settings in item.phase.optimizers.items()}


def _own_rate(name: str, config: RunConfig, settings: OptimizerSettings) -> float | None:
    """The learning rate that a network has in every stage; None if it has the stage's."""
    own: float | None = getattr(config.learning_rates, name, None)
    return settings.learning_rate if own is None else own
