"""Layers that follow what they are shown in training, and passes that leave them alone."""

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

__all__ = ["TrackingLayer", "frozen_statistics", "tracking_layers"]


class TrackingLayer(nn.Module):
    """A layer that learns by following what it is shown, beside gradients: such as a codebook of running means.

    A pass in training mode moves its buffers, in place, where `track_running_stats` is True, and nothing else moves
    them; `frozen_statistics` makes it False for a while. Unlike batch norm's statistics, these buffers are what the
    layer has learned: averages of a network copy them, and no use recomputes them.

    What a layer follows is a whole batch: a component that has one says `needs_whole_batch`.

    Attributes:
        track_running_stats: Whether passes in training mode move its buffers.

    Examples:
        >>> import torch
        >>> from priorkit.interfaces import TrackingLayer, frozen_statistics
        >>> class RunningMean(TrackingLayer):
        ...     def __init__(self):
        ...         super().__init__()
        ...         self.register_buffer("mean", torch.zeros(()))
        ...
        ...     def forward(self, values):
        ...         if self.training and self.track_running_stats:
        ...             with torch.no_grad():
        ...                 self.mean.lerp_(values.mean(), 0.5)
        ...         return values - self.mean
        >>> layer = RunningMean()
        >>> with frozen_statistics(layer):
        ...     layer(torch.tensor([4.0]))
        tensor([4.])
        >>> layer(torch.tensor([4.0]))
        tensor([2.])
    """

    track_running_stats: bool = True


@contextmanager
def frozen_statistics(*modules: nn.Module) -> Iterator[None]:
    """Inside this context, a pass in training mode moves no running statistics.

    The batch is still normalised by its own statistics, as in any training pass; only what evaluation will use later is
    not touched. Freezing the weights does not do that. Only batch norm and layers derived from `TrackingLayer` are
    known here: others that change when they are used (spectral norm, instance norm with running statistics) are not
    protected.

    Args:
        modules: The networks that are only read.
    """
    known: list[_BatchNorm | TrackingLayer] = [
        *(layer for module in modules for _, layer in tracking_layers(module)),
        *(layer for module in modules for layer in module.modules() if isinstance(layer, TrackingLayer)),
    ]
    layers = [layer for layer in known if layer.track_running_stats]
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
