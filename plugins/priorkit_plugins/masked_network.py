"""A network whose outputs for one dimension depend on the dimensions before it alone."""

import torch
from torch import Tensor, nn
from torch.nn.functional import linear, relu

__all__ = ["MaskedNetwork"]


class MaskedLinear(nn.Linear):
    """A linear layer some of whose weights are 0 and stay so.

    Args:
        mask: Which weights there are, bool (outputs, inputs).
    """

    mask: Tensor

    def __init__(self, mask: Tensor) -> None:
        super().__init__(mask.shape[1], mask.shape[0])
        # Follows from dimensions alone: it is not saved.
        self.register_buffer("mask", mask.float(), persistent=False)

    def forward(self, value: Tensor) -> Tensor:
        """From (N, inputs) to (N, outputs)."""
        return linear(value, self.mask * self.weight, self.bias)


class MaskedBlock(nn.Module):
    """Two masked layers, added to what enters them (Nash and Durkan 2019, arXiv:1904.05626, Appendix)."""

    def __init__(self, mask: Tensor) -> None:
        super().__init__()
        self.first, self.second = MaskedLinear(mask), MaskedLinear(mask)

    def forward(self, hidden: Tensor) -> Tensor:
        """From (N, hidden) to (N, hidden)."""
        added: Tensor = self.second(relu(self.first(relu(hidden))))
        return hidden + added


class MaskedNetwork(nn.Module):
    """Outputs for every dimension d of a code, from the dimensions before d and the condition s.

    A masked autoencoder (Germain et al. 2015, arXiv:1502.03509): hidden unit h has a degree m(h), sees the first m(h)
    dimensions of a code, and units of other layers of no higher degree; the outputs for the dimension of index d see
    units of degrees up to d. Degrees go around in turn, so that each has as many units. All units see s.

    Args:
        code_dim: Dimensions of a code.
        condition_dim: Dimensions of s; 0 for none.
        outputs: Outputs for each dimension of a code.
        hidden: Width of the hidden layers.
        blocks: Residual blocks of two layers behind the first hidden layer.
    """

    def __init__(self, code_dim: int, condition_dim: int = 0, *, outputs: int, hidden: int, blocks: int) -> None:
        super().__init__()
        self.code_dim = code_dim
        self.condition_dim = condition_dim
        # What outputs are where nothing is seen yet: of the first dimension, without s, they are this alone.
        self.start = nn.Parameter(torch.zeros(code_dim, outputs))
        # The last dimension is seen by none. Without s, units of degree 0 would see nothing.
        least = 0 if condition_dim else 1
        self.sees_something = code_dim > least
        if self.sees_something:
            degrees = least + torch.arange(hidden) % (code_dim - least)
            before = torch.arange(code_dim - 1) < degrees[:, None]
            self.first = MaskedLinear(torch.cat([before, torch.ones(hidden, condition_dim, dtype=torch.bool)], dim=1))
            self.blocks = nn.Sequential(*(MaskedBlock(degrees[:, None] >= degrees) for _ in range(blocks)))
            self.last = nn.Linear(hidden, code_dim * outputs, bias=False)
            self.register_buffer("seen", (torch.arange(code_dim)[:, None] >= degrees).float(), persistent=False)

    seen: Tensor

    def forward(self, code: Tensor, condition: Tensor | None = None) -> Tensor:
        """Outputs (N, code_dim, outputs) of codes (N, code_dim) and s (N, condition_dim)."""
        if not self.sees_something:
            return self.start.expand(len(code), -1, -1)
        weight = self.last.weight.view(self.code_dim, -1, self.last.in_features) * self.seen[:, None]
        found = linear(self._hidden(code, condition), weight.flatten(0, 1))
        return self.start + found.view(len(code), self.code_dim, -1)

    def of_dimension(self, d: int, code: Tensor, condition: Tensor | None = None) -> Tensor:
        """The outputs for dimension `d` alone, (N, outputs); entries of codes from `d` on do not matter."""
        if not self.sees_something:
            return self.start[d].expand(len(code), -1)
        weight = self.last.weight.view(self.code_dim, -1, self.last.in_features)[d] * self.seen[d]
        return self.start[d] + linear(self._hidden(code, condition), weight)

    def _hidden(self, code: Tensor, condition: Tensor | None) -> Tensor:
        seen = [code[:, :-1], *([] if condition is None else [condition])]
        hidden: Tensor = relu(self.blocks(self.first(torch.cat(seen, dim=1))))
        return hidden
