"""Exponential moving averages of networks' weights."""

import copy
from collections.abc import Callable, Collection, Mapping

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from priorkit.engine.kept_numbers import whole_number

__all__ = ["AveragedNetworks"]


class AveragedNetworks:
    """Copies of networks whose weights are exponential moving averages.

    Buffers are copied, except batch-norm statistics: those of the raw network do not fit averaged weights, and their
    averages lag behind. Code that uses a copy recomputes them (`recomputed_statistics`).

    Args:
        networks: The networks to average, by name. If a network refers to another without owning it, as a VampPrior
            refers to the encoder, its copy refers to the other's copy.
        decay: Decay of the weights per update, in [0, 1). In update t it is at most (1 + t) / (10 + t), so that the
            copy forgets its initial weights.
    """

    def __init__(self, networks: Mapping[str, nn.Module], decay: float) -> None:
        self.decay = decay
        self.networks = copy.deepcopy(dict(networks))
        for network in self.networks.values():
            network.requires_grad_(False).eval()
        self.updates = dict.fromkeys(self.networks, 0)
        self._sources = dict(networks)
        self._weights = self._pairs(lambda module: list(module.parameters()))
        self._buffers = self._pairs(_other_buffers)

    def _pairs(self, select: Callable[[nn.Module], list[Tensor]]) -> dict[str, list[tuple[Tensor, Tensor]]]:
        """Pairs of a copy's tensor and the averaged tensor, by network; shared tensors come only once."""
        seen: set[int] = set()
        pairs: dict[str, list[tuple[Tensor, Tensor]]] = {}
        for name, network in self.networks.items():
            both = zip(select(network), select(self._sources[name]), strict=True)
            pairs[name] = [pair for pair in both if id(pair[0]) not in seen]
            seen.update(id(copied) for copied, _ in pairs[name])
        return pairs

    @torch.no_grad()
    def update(self, names: Collection[str] | None = None) -> None:
        """Moves the copies towards the networks; called once a step.

        Args:
            names: The networks that have been trained in this step; the others' copies stay unchanged. All networks if
                None.
        """
        moved = [name for name in self.networks if names is None or name in names]
        # Usually all networks have had equally many updates, so one call handles all of them.
        for count in sorted({self.updates[name] for name in moved}):
            alike = [name for name in moved if self.updates[name] == count]
            pairs = [pair for name in alike for pair in self._weights[name]]
            if pairs:
                kept, followed = map(list, zip(*pairs, strict=True))
                torch._foreach_lerp_(kept, followed, 1 - min(self.decay, (1 + count) / (10 + count)))
        pairs = [pair for name in moved for pair in self._buffers[name]]
        if pairs:
            kept, followed = map(list, zip(*pairs, strict=True))
            torch._foreach_copy_(kept, followed)
        for name in moved:
            self.updates[name] += 1

    def state_dict(self) -> dict[str, dict[str, int]]:
        """The numbers of updates; the copies' tensors are saved with the networks."""
        return {"updates": dict(self.updates)}

    def load_state_dict(self, state: Mapping[str, Mapping[str, int] | int]) -> None:
        """Restores the numbers of updates; earlier versions saved one number for all networks."""
        updates = state["updates"]
        self.updates = {
            name: whole_number(updates[name] if isinstance(updates, Mapping) else updates, "updates")
            for name in self.networks
        }


def _other_buffers(module: nn.Module) -> list[Tensor]:
    """All buffers but batch norm's statistics and their counters."""
    return [
        buffer
        for layer in module.modules()
        if not isinstance(layer, _BatchNorm)
        for buffer in layer.buffers(recurse=False)
    ]
