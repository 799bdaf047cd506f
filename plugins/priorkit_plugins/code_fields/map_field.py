"""Fields over maps."""

import math
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from priorkit.interfaces import CodeSpace
from priorkit_plugins.code_fields.field import CodeField
from priorkit_plugins.code_fields.time_features import TIME_FEATURES, TimeFeatures

__all__ = ["MapField"]

_LEAST = 8
"""Maps are halved while both sides are even and at least this long, so that 3x3 convolutions do not cover the whole
map."""
_GROUPS = 8


class _Block(nn.Module):
    """Two convolutions with a shortcut; time and condition are added between the convolutions."""

    def __init__(self, inputs: int, outputs: int, told: int) -> None:
        super().__init__()
        self.first = nn.Sequential(_norm(inputs), nn.SiLU(), nn.Conv2d(inputs, outputs, 3, padding=1))
        self.told = nn.Linear(told, outputs)
        self.second = nn.Sequential(_norm(outputs), nn.SiLU(), nn.Conv2d(outputs, outputs, 3, padding=1))
        self.shortcut = nn.Identity() if inputs == outputs else nn.Conv2d(inputs, outputs, 1)

    def forward(self, map_: Tensor, told: Tensor) -> Tensor:
        hidden = self.first(map_) + self.told(told)[:, :, None, None]
        output: Tensor = self.shortcut(map_) + self.second(hidden)
        return output


def _norm(channels: int) -> nn.GroupNorm:
    # Groups of one channel could not be normalised if a map has a single position.
    groups = 1 if channels % 2 else math.gcd(channels // 2, _GROUPS)
    return nn.GroupNorm(groups, channels)


class MapField(CodeField):
    """A small U-Net: residual blocks at every size, with skip connections from the way down to the way up.

    After Ho et al. 2020 (arXiv:2006.11239, Appendix B), without attention: maps of codes are small.

    Args:
        codes: The space of the codes: maps.
        condition_dim: Dimensions of the condition s; 0 for none.
        width: Channels at full size, at least 2; smaller sizes have twice as many.
    """

    def __init__(self, codes: CodeSpace, condition_dim: int = 0, *, width: int = 64) -> None:
        super().__init__()
        self.codes = codes
        self.condition_dim = condition_dim
        channels, height, breadth = codes.shape
        halvings = 0
        while all(side % 2 == 0 and side >= _LEAST for side in (height, breadth)):
            height, breadth, halvings = height // 2, breadth // 2, halvings + 1
        told = 2 * width
        self.time = TimeFeatures()
        self.told = nn.Sequential(nn.Linear(TIME_FEATURES + condition_dim, told), nn.SiLU(), nn.Linear(told, told))
        self.first = nn.Conv2d(channels, width, 3, padding=1)
        widths = [width, *[2 * width] * halvings]
        self.down = nn.ModuleList(_Block(size, size, told) for size in widths[:-1])
        self.halve = nn.ModuleList(
            nn.Conv2d(size, smaller, 3, stride=2, padding=1) for size, smaller in pairwise(widths)
        )
        self.middle = nn.ModuleList(_Block(widths[-1], widths[-1], told) for _ in range(2))
        self.up = nn.ModuleList(_Block(smaller + size, size, told) for size, smaller in pairwise(widths))
        self.last = nn.Sequential(_norm(width), nn.SiLU(), nn.Conv2d(width, channels, 3, padding=1))

    def forward(self, code: Tensor, time: Tensor, condition: Tensor | None = None) -> Tensor:
        """The field (N, code_dim) at codes (N, code_dim) and times (N,) in [0, 1], given s (N, condition_dim)."""
        told = self.told(torch.cat([self.time(time), *([] if condition is None else [condition])], dim=1))
        told = functional.silu(told)
        hidden = self.first(code.view(-1, *self.codes.shape))
        seen = []
        for block, halve in zip(self.down, self.halve, strict=True):
            hidden = block(hidden, told)
            seen.append(hidden)
            hidden = halve(hidden)
        for block in self.middle:
            hidden = block(hidden, told)
        for block, beside in zip(reversed(self.up), reversed(seen), strict=True):
            enlarged = functional.interpolate(hidden, scale_factor=2.0, mode="nearest")
            hidden = block(torch.cat([enlarged, beside.to(enlarged)], dim=1), told)
        field: Tensor = self.last(hidden)
        return field.flatten(1)
