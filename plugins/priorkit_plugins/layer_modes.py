"""Which layers of a network behave as in training, for a while."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from torch import nn

__all__ = ["layers_in_training"]


@contextmanager
def layers_in_training(network: nn.Module, training: Callable[[nn.Module], bool]) -> Iterator[None]:
    """Inside, some layers alone are in training mode; afterwards every layer is in the mode that it was in.

    Args:
        network: The network.
        training: Says of each of its layers whether it is one of them.
    """
    before = [(layer, layer.training) for layer in network.modules()]
    for layer, _ in before:
        layer.training = training(layer)
    try:
        yield
    finally:
        for layer, mode in before:
            layer.training = mode
