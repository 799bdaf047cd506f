"""A network whose outputs for a dimension depend only on the dimensions before it."""

from collections.abc import Generator

import torch
from torch import Tensor, nn
from torch.nn.functional import linear, relu

__all__ = ["MaskedNetwork", "PassInTurn"]


class MaskedLinear(nn.Linear):
    """A linear layer with some weights fixed at 0.

    Args:
        mask: Which weights are not 0, bool (outputs, inputs).
    """

    mask: Tensor

    def __init__(self, mask: Tensor) -> None:
        super().__init__(mask.shape[1], mask.shape[0])
        # Not saved, because it follows from the dimensions.
        self.register_buffer("mask", mask.float(), persistent=False)

    def forward(self, value: Tensor) -> Tensor:
        """From (N, inputs) to (N, outputs)."""
        return linear(value, self.mask * self.weight, self.bias)


class MaskedBlock(nn.Module):
    """Two masked layers with a residual connection (Nash and Durkan 2019, arXiv:1904.05626, Appendix)."""

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
    units of degrees up to d. Degrees are assigned cyclically, so that all are about equally frequent. All units see s.

    Args:
        code_dim: Dimensions of a code.
        condition_dim: Dimensions of s; 0 for none.
        outputs: Outputs for each dimension of a code.
        hidden: Width of the hidden layers.
        blocks: Residual blocks of two layers after the first hidden layer.
    """

    def __init__(self, code_dim: int, condition_dim: int = 0, *, outputs: int, hidden: int, blocks: int) -> None:
        super().__init__()
        self.code_dim = code_dim
        self.condition_dim = condition_dim
        # The initial value of outputs; without s, the outputs for the first dimension consist of this alone.
        self.start = nn.Parameter(torch.zeros(code_dim, outputs))
        # No unit sees the last dimension. Without s, units of degree 0 would see nothing.
        least = 0 if condition_dim else 1
        self.least = least
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
        """Outputs (N, code_dim, outputs) for codes (N, code_dim) and s (N, condition_dim)."""
        if not self.sees_something:
            return self.start.expand(len(code), -1, -1)
        weight = self.last.weight.view(self.code_dim, -1, self.last.in_features) * self.seen[:, None]
        found = linear(self._hidden(code, condition), weight.flatten(0, 1))
        return self.start + found.view(len(code), self.code_dim, -1)

    def _hidden(self, code: Tensor, condition: Tensor | None) -> Tensor:
        seen = [code[:, :-1], *([] if condition is None else [condition])]
        hidden: Tensor = relu(self.blocks(self.first(torch.cat(seen, dim=1))))
        return hidden


class PassInTurn:
    """One pass of a masked network, dimension by dimension, for sampling: each dimension is drawn from its outputs.

    Each hidden unit is computed once, as soon as the dimensions that it sees are known, so all steps together cost as
    much as a single pass of the network.

    Args:
        network: The network, whose weights must not change meanwhile.
    """

    def __init__(self, network: MaskedNetwork) -> None:
        self.network = network
        if not network.sees_something:
            return
        count = network.code_dim - network.least
        hidden = network.last.in_features
        # Units are sorted by degree, so that known units come first.
        order = torch.argsort(torch.arange(hidden, device=network.start.device) % count, stable=True)
        # The number of known units for each number of known dimensions.
        self.ends = [0] * network.least
        for first in range(count):
            self.ends.append(sum(self.ends[-1:]) + len(range(first, hidden, count)))
        self.first = network.first.weight[order], network.first.bias[order]
        blocks = (block for block in network.blocks if isinstance(block, MaskedBlock))
        self.layers = [
            [(layer.weight[order][:, order], layer.bias[order]) for layer in (block.first, block.second)]
            for block in blocks
        ]
        self.last = network.last.weight[:, order].view(network.code_dim, -1, hidden)

    def outputs(self, n: int, condition: Tensor | None = None) -> Generator[Tensor, Tensor, None]:
        """Yields the outputs (N, outputs) for each dimension in turn, and must be sent the values (N,) drawn for it.

        Args:
            n: Number of codes, N.
            condition: s, (N, condition_dim), if the network takes one.
        """
        network = self.network
        code = network.start.new_empty(n, 0)
        if not network.sees_something:
            yield network.start[0].expand(n, -1)
            return
        weight, bias = self.first
        # The condition's contribution does not depend on any dimension.
        given = bias.expand(n, -1) if condition is None else linear(condition, weight[:, network.code_dim - 1 :], bias)
        # The input of every layer from known units.
        known = [code for _ in range(2 * len(self.layers) + 1)]
        begin = 0
        for d, end in enumerate(self.ends):
            hidden = given[:, begin:end] + linear(code, weight[begin:end, :d])
            for number, block in enumerate(self.layers):
                added = hidden
                for part, (layer, offset) in enumerate(block):
                    place = 2 * number + part
                    known[place] = torch.cat([known[place], relu(added)], dim=1)
                    added = linear(known[place], layer[begin:end, :end], offset[begin:end])
                hidden = hidden + added
            known[-1] = torch.cat([known[-1], relu(hidden)], dim=1)
            begin = end
            value = yield network.start[d] + linear(known[-1], self.last[d, :, :end])
            code = torch.cat([code, value[:, None]], dim=1)
