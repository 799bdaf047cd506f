"""Layers that keep running statistics in training, and forward passes that leave these unchanged."""

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

__all__ = ["TrackingLayer", "frozen_statistics", "tracking_layers"]


class TrackingLayer(nn.Module):
    """A layer that learns running statistics of its inputs, without gradients: such as a codebook of running means.

    A forward pass in training mode updates the buffers in place if `track_running_stats` is True; nothing else changes
    them. `frozen_statistics` sets the attribute to False for a while. Unlike batch norm's statistics, these buffers are
    learned state: averaged weights copy them, and they are never recomputed.

    The statistics are those of a whole batch: a component with such a layer must set `needs_whole_batch`.

    Attributes:
        track_running_stats: Whether forward passes in training mode update the buffers.

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
    """Inside this context, forward passes in training mode leave running statistics unchanged.

    The batch is still normalised by its own statistics, as in any training pass; only the running statistics, which
    evaluation uses, are protected. (Freezing the weights would not protect them.) This works for batch norm and
    subclasses of `TrackingLayer`; other layers with state (spectral norm, instance norm with running statistics) are
    not protected.

    Args:
        modules: The networks whose running statistics must not change.

    Examples:
        >>> import torch
        >>> from priorkit.interfaces import frozen_statistics
        >>> layer, batch = torch.nn.BatchNorm1d(1), torch.tensor([[0.0], [2.0]])
        >>> with frozen_statistics(layer):
        ...     output = layer(batch)
        >>> layer.running_mean
        tensor([0.])
        >>> output = layer(batch)
        >>> layer.running_mean
        tensor([0.1000])
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
