"""A causal transformer over the places of a code."""

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu, scaled_dot_product_attention

__all__ = ["CausalTransformer", "Memory"]

_HIDDEN = 4
"""How many times wider the hidden layers of a block are than what it is given and gives."""

Memory = tuple[Tensor, Tensor]
"""What one layer keeps of the places so far, keys and values: each (N, heads, places, width / heads)."""


class Block(nn.Module):
    """Attention to the places so far, and a network of one hidden layer at each place, each behind a layer norm.

    Args:
        width: Width of what it is given and gives.
        heads: Heads of the attention, a divisor of the width.
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.before_attention, self.before_hidden = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention, self.joined = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.hidden, self.last = nn.Linear(width, _HIDDEN * width), nn.Linear(_HIDDEN * width, width)

    def forward(
        self, value: Tensor, memory: Memory | None, kept: tuple[Tensor, Tensor] | None
    ) -> tuple[Tensor, Memory]:
        """From (N, places, width) to as much, and what is to be kept of the places.

        Args:
            value: What all places have, or the next place alone, where there is a memory.
            memory: What has been kept of the places before it, none at first; without one, all places are given.
            kept: Of dropout: factors of what the attention and the network add.
        """
        query, key, values = (
            part.unflatten(2, (self.heads, -1)).transpose(1, 2)
            for part in self.attention(self.before_attention(value)).chunk(3, dim=2)
        )
        if memory is not None:
            key, values = torch.cat([memory[0], key], dim=2), torch.cat([memory[1], values], dim=2)
        found = scaled_dot_product_attention(query, key, values, is_causal=memory is None)
        added = self.joined(found.transpose(1, 2).flatten(2))
        value = value + (added if kept is None else added * kept[0])
        added = self.last(gelu(self.hidden(self.before_hidden(value))))
        return value + (added if kept is None else added * kept[1]), (key, values)


class CausalTransformer(nn.Module):
    """Outputs for each place of a code, from the places before it, row after row, and the condition s.

    The layers are those of Vaswani et al. 2017 (arXiv:1706.03762), with layer norms in front of them (Radford et al.
    2019). What stands before the first place is learned; s, where there is one, is added to it, so that it is a prefix
    that all places see.

    Args:
        places: Number of places.
        condition_dim: Dimensions of the condition s; 0 for none.
        layers: Number of layers.
        width: Width of the layers.
        heads: Heads of the attention, a divisor of the width.
    """

    def __init__(self, places: int, condition_dim: int = 0, *, layers: int, width: int, heads: int) -> None:
        super().__init__()
        self.places = places
        self.width = width
        self.heads = heads
        self.layers = layers
        self.start = nn.Parameter(torch.zeros(width))
        self.prefix = nn.Linear(condition_dim, width, bias=False) if condition_dim else None
        self.where = nn.Parameter(0.02 * torch.randn(places, width))
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(layers))
        self.norm = nn.LayerNorm(width)

    def forward(self, before: Tensor, condition: Tensor | None = None, kept: Tensor | None = None) -> Tensor:
        """Outputs (N, places, width).

        Args:
            before: What stands at all places but the last, (N, places - 1, width).
            condition: s, (N, condition_dim), if it has one.
            kept: Of dropout: factors (N, 2 * layers, places, width) of what the parts of the layers add.
        """
        value = torch.cat([self._first(len(before), condition)[:, None].to(before), before], dim=1) + self.where
        for number, block in enumerate(self.blocks):
            value, _ = block(value, None, None if kept is None else kept[:, 2 * number : 2 * number + 2].unbind(1))
        outputs: Tensor = self.norm(value)
        return outputs

    def begin(self, n: int, condition: Tensor | None = None) -> tuple[Tensor, list[Memory]]:
        """The outputs (N, width) for the first place of N codes, and what `go_on` needs."""
        value = self._first(n, condition)
        empty = value.new_empty(n, self.heads, 0, self.width // self.heads)
        return self.go_on(value, 0, [(empty, empty)] * self.layers)

    def go_on(self, before: Tensor, place: int, memory: list[Memory]) -> tuple[Tensor, list[Memory]]:
        """The outputs (N, width) for a place, as `forward` has them, and what the next place needs.

        Args:
            before: What stands at the place before it, (N, width).
            place: The place.
            memory: What the place before it has left.
        """
        value = (before + self.where[place])[:, None]
        left = []
        for block, each in zip(self.blocks, memory, strict=True):
            value, kept = block(value, each, None)
            left.append(kept)
        outputs: Tensor = self.norm(value)
        return outputs[:, 0], left

    def _first(self, n: int, condition: Tensor | None) -> Tensor:
        first = self.start.expand(n, -1)
        if self.prefix is None:
            return first
        if condition is None:
            raise ValueError(
                "a conditional autoregressive prior has a density for each s, none over all of them; use a condition "
                "that images bring with them (--condition labels, embedding or text), or --condition none"
            )
        prefixed: Tensor = first + self.prefix(condition.to(first.dtype))
        return prefixed
