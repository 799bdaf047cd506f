"""Finite scalar quantisation."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from priorkit.interfaces import CodeSpace, Encoder, Posterior
from priorkit_plugins.quantised_maps import as_maps, as_vectors, require_maps, straight_through

__all__ = ["FiniteScalarQuantisingEncoder"]

_MARGIN = 1e-3
"""Margin of a channel's range beyond its outermost values, as a share of the range's width."""


class FiniteScalarQuantisingEncoder(Encoder):
    """Each channel is squashed by tanh and rounded to one of a few values (Mentzer et al. 2023, arXiv:2309.15505).

    The codebook is the fixed grid of all combinations. A channel of L levels takes L consecutive integers, starting at
    -floor(L / 2), divided by floor(L / 2); with an even L, the value 1 is missing. Rounding has a straight-through
    gradient.

    Args:
        body: From images (N, C, H, W) to flattened maps (N, channels * height * width).
        maps: The maps' space, with as many channels as there are levels.
        levels: Number of values of each channel, at least 2.

    Raises:
        ValueError: Codes are not maps, or have another number of channels.
    """

    sizes: Tensor

    def __init__(self, body: nn.Module, maps: CodeSpace, levels: Sequence[int]) -> None:
        super().__init__()
        channels, height, width = require_maps(maps)
        if channels != len(levels):
            raise ValueError(
                f"there are {len(levels)} levels, {','.join(map(str, levels))}, one for each channel, and --code-dim "
                f"is {channels}; use --code-dim {len(levels)}, or as many --encoder.levels"
            )
        self.body = body
        self.channels = channels
        self.code_dim = maps.dim
        self.codes = CodeSpace((height, width), math.prod(levels))
        self.register_buffer("sizes", torch.tensor(levels), persistent=False)

    def forward(self, image: Tensor, noise: Tensor | None = None) -> Posterior:
        """Encodes images (N, C, H, W); the noise is ignored."""
        half = self.sizes // 2
        # Bounds are slightly beyond the outermost values, so that these are reached; the offset maps 0 to 0.
        width = (self.sizes - 1) * (1 + _MARGIN) / 2
        offset = (self.sizes % 2 == 0) / 2
        shift = torch.atanh(offset / width)
        free = as_vectors(self.body(image).float(), self.channels)
        bounded = (free + shift).tanh() * width - offset
        whole = bounded.detach().round()
        indices = ((whole + half).long() * self._bases).sum(2)
        unquantised = as_maps(bounded / half)
        code = straight_through(unquantised, as_maps(whole / half))
        return Posterior(code, code, unquantised=unquantised, indices=indices)

    def embed(self, codes: Tensor) -> Tensor:
        """The values of indices (N, height * width): flattened maps (N, channels * height * width)."""
        half = self.sizes // 2
        digits = codes[:, :, None] // self._bases % self.sizes
        return as_maps((digits - half) / half)

    @property
    def _bases(self) -> Tensor:
        """The place value of each channel in an index: the first channel varies fastest, as in the paper."""
        return self.sizes.cumprod(0) // self.sizes
