"""Exponential moving averages of networks: steadier than the networks that they follow."""

import copy
from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

__all__ = ["AveragedNetworks"]


class AveragedNetworks:
    """Copies of networks that follow their weights slowly.

    Buffers are copied as they are, except batch-norm statistics: those of the raw network do not fit averaged weights,
    and averages of them lag behind. Whoever uses a copy recomputes them (`recomputed_statistics`).

    Args:
        networks: The networks to follow, by name. A network that refers to another one of them without owning it, as
            a VampPrior refers to the encoder, is copied so that its copy refers to the other's copy.
        decay: Decay of the weights per update, in [0, 1). Early on it is lowered to (1 + t) / (10 + t), so that the
            copy forgets its initial weights.
    """

    def __init__(self, networks: Mapping[str, nn.Module], decay: float) -> None:
        self.decay = decay
        self.updates = 0
        self.networks = copy.deepcopy(dict(networks))
        for network in self.networks.values():
            network.requires_grad_(False).eval()
        self._sources = dict(networks)
        self._weights = self._pair(lambda module: list(module.parameters()))
        self._buffers = self._pair(_other_buffers)

    def _pair(self, select: Callable[[nn.Module], list[Tensor]]) -> tuple[list[Tensor], list[Tensor]]:
        pairs = {
            id(copied): (copied, followed)
            for name in self.networks
            for copied, followed in zip(select(self.networks[name]), select(self._sources[name]), strict=True)
        }
        # Once each, also where two networks share a tensor.
        kept, sources = zip(*pairs.values(), strict=True) if pairs else ((), ())
        return list(kept), list(sources)

    @torch.no_grad()
    def update(self) -> None:
        """Moves the copies towards the networks; called once a step."""
        warm_up = (1 + self.updates) / (10 + self.updates)
        kept, followed = self._weights
        if kept:
            torch._foreach_lerp_(kept, followed, 1 - min(self.decay, warm_up))
        kept, followed = self._buffers
        if kept:
            torch._foreach_copy_(kept, followed)
        self.updates += 1

    def state_dict(self) -> dict[str, int]:
        """The number of updates; the copies' tensors are saved with the networks."""
        return {"updates": self.updates}

    def load_state_dict(self, state: Mapping[str, int]) -> None:
        """Restores the number of updates."""
        self.updates = state["updates"]


def _other_buffers(module: nn.Module) -> list[Tensor]:
    """All buffers but batch norm's statistics and their counters."""
    return [
        buffer
        for layer in module.modules()
        if not isinstance(layer, _BatchNorm)
        for buffer in layer.buffers(recurse=False)
    ]
