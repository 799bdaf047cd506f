"""Exponential moving averages of networks: steadier than the networks that they follow."""

import copy
from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn

__all__ = ["AveragedNetworks"]


class AveragedNetworks:
    """Copies of networks that follow their weights slowly.

    A copy's batch-norm statistics are averaged too, at a decay of their own: statistics of the raw network do not fit
    averaged weights, and those that move as slowly as the weights are stale for long.

    Args:
        networks: The networks to follow, by name.
        decay: Decay of the weights per update, in [0, 1). Early on it is lowered to (1 + t) / (10 + t), so that the
            copy forgets its initial weights.
        statistics_decay: The same for floating-point buffers; other buffers are copied.
    """

    def __init__(self, networks: Mapping[str, nn.Module], decay: float, statistics_decay: float) -> None:
        self.decay = decay
        self.statistics_decay = statistics_decay
        self.updates = 0
        self.networks = {
            name: copy.deepcopy(network).requires_grad_(False).eval() for name, network in networks.items()
        }
        self._sources = dict(networks)
        self._weights = self._pair(lambda module: [item.data for item in module.parameters()])
        self._statistics = self._pair(lambda module: [item for item in module.buffers() if item.is_floating_point()])
        self._counters = self._pair(lambda module: [item for item in module.buffers() if not item.is_floating_point()])

    def _pair(self, select: Callable[[nn.Module], list[Tensor]]) -> tuple[list[Tensor], list[Tensor]]:
        kept = [item for name in self.networks for item in select(self.networks[name])]
        followed = [item for name in self.networks for item in select(self._sources[name])]
        return kept, followed

    @torch.no_grad()
    def update(self) -> None:
        """Moves the copies towards the networks; called once a step."""
        warm_up = (1 + self.updates) / (10 + self.updates)
        for (kept, followed), decay in (
            (self._weights, self.decay),
            (self._statistics, self.statistics_decay),
        ):
            if kept:
                torch._foreach_lerp_(kept, followed, 1 - min(decay, warm_up))
        kept, followed = self._counters
        if kept:
            torch._foreach_copy_(kept, followed)
        self.updates += 1

    def state_dict(self) -> dict[str, int]:
        """The number of updates; the copies' tensors are saved with the networks."""
        return {"updates": self.updates}

    def load_state_dict(self, state: Mapping[str, int]) -> None:
        """Restores the number of updates."""
        self.updates = state["updates"]
