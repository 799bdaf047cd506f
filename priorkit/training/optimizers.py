"""The optimisers of a system's networks: one each, shared by the phases that train it."""

from torch.optim import Optimizer

from priorkit.config import RunConfig
from priorkit.engine import make_optimizer
from priorkit.interfaces import OptimizerSettings
from priorkit.models.system import BuiltSystem

__all__ = ["make_optimizers"]


def make_optimizers(system: BuiltSystem, config: RunConfig, *, capturable: bool = False) -> dict[str, Optimizer]:
    """An optimiser for every network that some phase trains, by the network's name.

    A learning rate that the user gives a network comes first, then what a phase asks for, then the run's settings.

    Args:
        system: The components, on their device.
        config: The run's settings.
        capturable: Whether steps can be recorded in a CUDA graph.
    """
    asked = {name: settings for brought in system.brought for name, settings in brought.phase.optimizers.items()}
    optimizers: dict[str, Optimizer] = {}
    for name, network in system.trained().items():
        settings = asked.get(name, OptimizerSettings())
        of_the_user = getattr(config.learning_rates, name) if name in type(config.learning_rates).model_fields else None
        rates = (of_the_user, settings.learning_rate, config.learning_rate)
        optimizers[name] = make_optimizer(
            settings.optimizer or config.optimizer,
            network.parameters(),
            learning_rate=next(rate for rate in rates if rate is not None),
            beta1=config.beta1 if settings.beta1 is None else settings.beta1,
            beta2=config.beta2 if settings.beta2 is None else settings.beta2,
            weight_decay=config.weight_decay if settings.weight_decay is None else settings.weight_decay,
            capturable=capturable,
        )
    return optimizers
