"""Batch-norm statistics recomputed from given inputs, for evaluation."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from priorkit.interfaces.batch_norm import tracking_layers

__all__ = ["recomputed_statistics", "running_statistics"]


def running_statistics(module: nn.Module) -> dict[str, Tensor]:
    """The running means and variances of every batch-norm layer, by their names in `module.state_dict()`."""
    found: dict[str, Tensor] = {}
    for name, layer in tracking_layers(module):
        start = f"{name}." if name else ""
        found[f"{start}running_mean"], found[f"{start}running_var"] = _statistics(layer)
    return found


@contextmanager
def recomputed_statistics(*modules: nn.Module) -> Iterator[None]:
    """Inside this context, passes in evaluation mode recompute batch norm's running statistics.

    Each pass normalises its batch by the batch's own statistics, as in training. At the end, the means of the batches'
    means and (unbiased) variances become the running statistics, as if PyTorch had averaged them cumulatively. Running
    statistics gathered in training depend on the weights of many earlier steps, and on all inputs of the network; the
    recomputed ones depend on the current weights and the inputs of these passes alone.

    A layer that no pass reaches keeps its statistics; after an error, all layers do. Processes exchange no messages: if
    several train together, each computes the same statistics from the same inputs.

    Args:
        modules: The networks; layers in training mode are left unchanged.
    """
    gathered = [_Gathered(layer) for module in modules for _, layer in tracking_layers(module)]
    try:
        yield
    except BaseException:
        for each in gathered:
            each.put_back()
        raise
    else:
        for each in gathered:
            each.keep()
    finally:
        for each in gathered:
            each.handle.remove()


class _Gathered:
    """Statistics of a batch-norm layer's inputs, gathered batch by batch."""

    def __init__(self, layer: _BatchNorm) -> None:
        self.statistics = _statistics(layer)
        self.before = [item.clone() for item in self.statistics]
        self.sums = [torch.zeros_like(item) for item in self.statistics]
        self.batches = 0
        self.handle = layer.register_forward_pre_hook(self._before_pass, with_kwargs=True)

    @torch.no_grad()
    def _before_pass(self, layer: nn.Module, inputs: tuple[Tensor, ...], named: Mapping[str, Tensor]) -> None:
        if layer.training:
            return
        mean, variance = self.statistics
        values = next(iter((*inputs, *named.values()))).detach().to(mean.dtype).transpose(0, 1).flatten(1)
        # The layer normalises the current batch by these.
        for kept, of_batch in zip((variance, mean), torch.var_mean(values, dim=1, correction=0), strict=True):
            kept.copy_(of_batch)
        positions = values.shape[1]
        self.batches += 1
        self.sums[0].add_(mean)
        self.sums[1].add_(variance, alpha=positions / max(positions - 1, 1))

    def keep(self) -> None:
        if self.batches:
            for kept, total in zip(self.statistics, self.sums, strict=True):
                kept.copy_(total / self.batches)

    def put_back(self) -> None:
        for kept, before in zip(self.statistics, self.before, strict=True):
            kept.copy_(before)


def _statistics(layer: _BatchNorm) -> tuple[Tensor, Tensor]:
    assert layer.running_mean is not None
    assert layer.running_var is not None
    return layer.running_mean, layer.running_var
