"""A causal transformer over the places (positions) of a code."""

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu, scaled_dot_product_attention

__all__ = ["CausalTransformer", "Memory"]

_HIDDEN = 4
"""Width of a block's hidden layer, relative to its input and output."""

Memory = tuple[Tensor, Tensor]
"""Cached keys and values of one layer for the places so far: each (N, heads, places, width / heads)."""


class Block(nn.Module):
    """Causal self-attention, then a network of one hidden layer at each place, each after a layer norm.

    Args:
        width: Width of input and output.
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
        """Maps (N, places, width) to the same shape; also returns the cached keys and values.

        Args:
            value: Inputs of all places, or, with a memory, of the next place alone.
            memory: Cached keys and values of the places before it, empty at first; None if all places are given.
            kept: Dropout factors of the outputs of attention and network.
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
    """Outputs for each place of a code, given the places before it, row by row, and the condition s.

    The layers are those of Vaswani et al. 2017 (arXiv:1706.03762), with pre-layer norms (Radford et al. 2019). A
    learned start token precedes the first place; s, if used, is added to it, so that all places see it.

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
            before: Embeddings of all places but the last, (N, places - 1, width).
            condition: s, (N, condition_dim), if used.
            kept: Dropout factors (N, 2 * layers, places, width) of the residual branches.
        """
        value = torch.cat([self._first(len(before), condition)[:, None].to(before), before], dim=1) + self.where
        for number, block in enumerate(self.blocks):
            value, _ = block(value, None, None if kept is None else kept[:, 2 * number : 2 * number + 2].unbind(1))
        outputs: Tensor = self.norm(value)
        return outputs

    def begin(self, n: int, condition: Tensor | None = None) -> tuple[Tensor, list[Memory]]:
        """The outputs (N, width) for the first place of N codes, and the memory for `go_on`."""
        value = self._first(n, condition)
        empty = value.new_empty(n, self.heads, 0, self.width // self.heads)
        return self.go_on(value, 0, [(empty, empty)] * self.layers)

    def go_on(self, before: Tensor, place: int, memory: list[Memory]) -> tuple[Tensor, list[Memory]]:
        """The outputs (N, width) for a place, as by `forward`, and the memory for the next place.

        Args:
            before: Embedding of the place before it, (N, width).
            place: The place.
            memory: The memory returned for the place before it.
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
                "a conditional autoregressive prior has a density for each s, but none over all s; use a condition "
                "that comes from the data (--condition labels, embedding or text), or --condition none"
            )
        prefixed: Tensor = first + self.prefix(condition.to(first.dtype))
        return prefixed
