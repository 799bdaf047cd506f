"""Fields over vectors."""

import torch
from torch import Tensor, nn

from priorkit.interfaces import CodeSpace
from priorkit_plugins.code_fields.field import CodeField
from priorkit_plugins.code_fields.time_features import TIME_FEATURES, TimeFeatures

__all__ = ["VectorField"]


class VectorField(CodeField):
    """A network of residual layers, each after a layer norm.

    Args:
        code_dim: Dimensions of a code.
        condition_dim: Dimensions of the condition s; 0 for none.
        hidden: Width of the hidden layers.
        layers: Number of hidden layers, at least 1.
    """

    def __init__(self, code_dim: int, condition_dim: int = 0, *, hidden: int = 256, layers: int = 3) -> None:
        super().__init__()
        self.codes = CodeSpace((code_dim,))
        self.condition_dim = condition_dim
        self.time = TimeFeatures()
        self.first = nn.Linear(code_dim + condition_dim + TIME_FEATURES, hidden)
        self.blocks = nn.ModuleList(
            nn.Sequential(nn.LayerNorm(hidden), nn.Linear(hidden, hidden), nn.SiLU(), nn.Linear(hidden, hidden))
            for _ in range(layers - 1)
        )
        self.last = nn.Sequential(nn.LayerNorm(hidden), nn.SiLU(), nn.Linear(hidden, code_dim))

    def forward(self, code: Tensor, time: Tensor, condition: Tensor | None = None) -> Tensor:
        """The field (N, code_dim) at codes (N, code_dim) and times (N,) in [0, 1], given s (N, condition_dim)."""
        seen = [code, self.time(time), *([] if condition is None else [condition])]
        hidden = self.first(torch.cat(seen, dim=1))
        for block in self.blocks:
            hidden = hidden + block(hidden)
        field: Tensor = self.last(hidden)
        return field
