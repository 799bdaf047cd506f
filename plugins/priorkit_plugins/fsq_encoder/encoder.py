"""Finite scalar quantisation."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from priorkit.interfaces import CodeSpace, Encoder, Posterior
from priorkit_plugins.quantised_maps import as_maps, as_vectors, require_maps, straight_through

__all__ = ["FiniteScalarQuantisingEncoder"]

_MARGIN = 1e-3
"""How much wider than its outermost values the range is that a channel is squashed to, as a share of its width."""


class FiniteScalarQuantisingEncoder(Encoder):
    """Each channel is squashed by tanh and rounded to one of a few values (Mentzer et al. 2023, arXiv:2309.15505).

    The codebook is the grid of all combinations; it stands still. A channel of L levels takes the L whole numbers from
    -floor(L / 2) on, divided by floor(L / 2); an even L leaves the value 1 out. The gradient passes the rounding as if
    it were not there.

    Args:
        body: From images (N, C, H, W) to flattened maps (N, channels * height * width).
        maps: The maps' space, with as many channels as there are levels.
        levels: Number of values of each channel, at least 2.

    Raises:
        ValueError: Codes are no maps, or have another number of channels.
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
        """Encodes images (N, C, H, W); whatever the noise."""
        half = self.sizes // 2
        # Bounds are a little beyond the outermost values, so that all are rounded to; the offset takes 0 to 0.
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
        """The values that indices (N, height * width) stand for: flattened maps (N, channels * height * width)."""
        half = self.sizes // 2
        digits = codes[:, :, None] // self._bases % self.sizes
        return as_maps((digits - half) / half)

    @property
    def _bases(self) -> Tensor:
        """What a step of each channel adds to an index: the first channel is the fastest, as in the paper."""
        return self.sizes.cumprod(0) // self.sizes
