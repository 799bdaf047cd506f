"""Passes through networks that leave their batch-norm statistics alone."""

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

__all__ = ["frozen_statistics", "tracking_layers"]


@contextmanager
def frozen_statistics(*modules: nn.Module) -> Iterator[None]:
    """Inside this context, a pass in training mode moves no running statistics.

    The batch is still normalised by its own statistics, as in any training pass; only what evaluation will use later is
    not touched. Freezing the weights does not do that. Only batch norm is known here: other layers that
    change when they are used (spectral norm, instance norm with running statistics) are not protected.

    Args:
        modules: The networks that are only read.
    """
    layers = [layer for module in modules for _, layer in tracking_layers(module) if layer.track_running_stats]
    for layer in layers:
        layer.track_running_stats = False
    try:
        yield
    finally:
        for layer in layers:
            layer.track_running_stats = True


def tracking_layers(module: nn.Module) -> list[tuple[str, _BatchNorm]]:
    """The batch-norm layers of a module that keep running statistics, by name."""
    return [
        (name, layer)
        for name, layer in module.named_modules()
        if isinstance(layer, _BatchNorm) and layer.running_mean is not None
    ]
