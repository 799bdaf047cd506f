"""The tensors that training changes, by name: networks and their averages."""

from torch import Tensor

from priorkit.engine import AveragedNetworks, running_statistics
from priorkit.models.system import BuiltSystem, tensors_below

__all__ = ["load_autoencoder", "load_trained_tensors", "trained_tensors"]


def trained_tensors(system: BuiltSystem, averages: AveragedNetworks | None) -> dict[str, Tensor]:
    """Every tensor of a system's networks, by `network/tensor`, and of their averages, by `average/network/tensor`."""
    tensors = system.state()
    for name, network in averages.networks.items() if averages is not None else ():
        # The averages' batch-norm statistics are not saved: each use has separate statistics.
        unused = running_statistics(network)
        kept = {key: value for key, value in network.state_dict().items() if key not in unused}
        tensors.update({f"average/{name}/{key}": value for key, value in kept.items()})
    return tensors


def load_trained_tensors(system: BuiltSystem, averages: AveragedNetworks | None, tensors: dict[str, Tensor]) -> None:
    """Restores the result of `trained_tensors`.

    Raises:
        KeyError, RuntimeError: They belong to other networks.
    """
    system.load_state(tensors)
    for name, network in averages.networks.items() if averages is not None else ():
        network.load_state_dict({**running_statistics(network), **tensors_below(f"average/{name}", tensors)})


def load_autoencoder(system: BuiltSystem, tensors: dict[str, Tensor]) -> None:
    """Restores encoder and decoder alone.

    Raises:
        KeyError, RuntimeError: They belong to other networks.
    """
    assert system.encoder is not None, "a prior is fitted to the codes of an encoder"
    for name, network in (("encoder", system.encoder), ("decoder", system.decoder)):
        network.load_state_dict(tensors_below(name, tensors))
