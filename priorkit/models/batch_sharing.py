"""Checks that several processes can train a system together."""

from torch.nn.modules.batchnorm import _BatchNorm

from priorkit.config import RunConfig
from priorkit.distributed import Processes
from priorkit.errors import ConfigurationError
from priorkit.models.system import BuiltSystem

__all__ = ["require_shareable_terms"]


def require_shareable_terms(system: BuiltSystem, config: RunConfig, processes: Processes) -> None:
    """Checks that no component needs a whole batch, if each process has only a part of it.

    Raises:
        ConfigurationError: A component needs a whole batch.
    """
    if processes.count == 1:
        return
    if system.takes_codes:
        raise ConfigurationError(
            f"a prior is fitted to codes in one process, not in {processes.count}: start priorkit without torchrun"
        )
    # The adversarial loss first: the regularizer may merely pass on its loss's need.
    components = {
        "adversarial_loss": system.adversarial_loss,
        "encoder": system.encoder,
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
    for item in system.chosen:
        if item.phase.needs_whole_batch:
            raise ConfigurationError(
                f"{item.given}: its phase {item.phase.name!r} needs all samples of a batch, and each of "
                f"{processes.count} processes has a part of them: train in one process, or choose another one"
            )
    if config.synchronise_batch_norm:
        _refuse_second_derivatives(system, processes)


def _refuse_second_derivatives(system: BuiltSystem, processes: Processes) -> None:
    """Refuses phases with double backward: batch norm over several processes does not support it."""
    networks = system.trained()
    for item in system.chosen:
        for name in item.phase.differentiates_twice:
            if any(isinstance(layer, _BatchNorm) for layer in networks[name].modules()):
                raise ConfigurationError(
                    f"{item.given}: its phase {item.phase.name!r} needs double backward through the {name}, "
                    f"which batch norm over {processes.count} processes lacks: use networks without batch norm "
                    "(--networks.norm group), --no-synchronise-batch-norm, or one process"
                )
