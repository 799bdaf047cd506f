"""A context in which only some layers of a network are in training mode."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from torch import nn

__all__ = ["layers_in_training"]


@contextmanager
def layers_in_training(network: nn.Module, training: Callable[[nn.Module], bool]) -> Iterator[None]:
    """Inside this context, only some layers are in training mode; afterwards every layer's mode is restored.

    Args:
        network: The network.
        training: From a layer to whether it is in training mode.
    """
    before = [(layer, layer.training) for layer in network.modules()]
    for layer, _ in before:
        layer.training = training(layer)
    try:
        yield
    finally:
        for layer, mode in before:
            layer.training = mode
