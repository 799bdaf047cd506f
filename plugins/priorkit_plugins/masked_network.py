"""A network whose outputs for one dimension depend on the dimensions before it alone."""

from collections.abc import Generator

import torch
from torch import Tensor, nn
from torch.nn.functional import linear, relu

__all__ = ["MaskedNetwork", "PassInTurn"]


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
        """Outputs (N, code_dim, outputs) of codes (N, code_dim) and s (N, condition_dim)."""
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
    """One pass of a masked network, dimension after dimension, where each is known only after the outputs for it.

    A hidden unit is computed as soon as the dimensions that it sees are known, once: all steps together cost as much as
    a single pass of the network.

    Args:
        network: The network, whose weights must not change meanwhile.
    """

    def __init__(self, network: MaskedNetwork) -> None:
        self.network = network
        if not network.sees_something:
            return
        count = network.code_dim - network.least
        hidden = network.last.in_features
        # Units of one degree stand next to each other here, of the least first: those that are known come first.
        order = torch.argsort(torch.arange(hidden, device=network.start.device) % count, stable=True)
        # How many units are known when so many dimensions are.
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
        """Yields the outputs (N, outputs) for each dimension in turn, and is sent its numbers (N,) for the next.

        Args:
            n: How many codes there are, N.
            condition: s, (N, condition_dim), if the network has one.
        """
        network = self.network
        code = network.start.new_empty(n, 0)
        if not network.sees_something:
            yield network.start[0].expand(n, -1)
            return
        weight, bias = self.first
        # What the condition adds does not wait for any dimension.
        given = bias.expand(n, -1) if condition is None else linear(condition, weight[:, network.code_dim - 1 :], bias)
        # Of every layer, what enters it from the units that are known.
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
