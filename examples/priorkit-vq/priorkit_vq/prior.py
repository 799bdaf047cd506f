"""The prior `recurrent`."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext

import torch
from priorkit.interfaces import CodeKind, CodeSpace, Learning, Prior
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["RecurrentPrior"]


class RecurrentPrior(Prior):
    """p(indices) = prod_i p(index i | the indices before it), row after row.

    A recurrent network (a GRU) reads the index on the left and the index above, and gives the probabilities of the next
    index. It is fitted to the encoder's indices by maximum likelihood, like the PixelCNN of van den Oord et al. 2017.

    Args:
        codes: The space of the indices.
        width: Width of the network's state.
        condition_dim: Dimensions of the condition s, which gives the initial state; 0 for none.

    Raises:
        ValueError: Codes are not indices.
    """

    kinds = (CodeKind.INDICES,)
    learning = Learning.CODES
    has_density = True

    def __init__(self, codes: CodeSpace, width: int, condition_dim: int = 0) -> None:
        super().__init__()
        if codes.kind is not CodeKind.INDICES:
            raise ValueError(
                f"is a prior of indices, and codes are {codes.kind.value}; use an encoder that gives indices: "
                "--encoder example-vq --code-size 8"
            )
        self.code_dim, self.entries, self.columns = codes.dim, codes.entries, codes.shape[1]
        self.takes_condition = condition_dim > 0
        # The last vector of each means that there is no index on the left or above.
        self.left = nn.Embedding(codes.entries + 1, width)
        self.above = nn.Embedding(codes.entries + 1, width)
        self.places = nn.Parameter(torch.randn(codes.dim, width))
        self.first = nn.Linear(condition_dim, width) if condition_dim else nn.Parameter(torch.zeros(width))
        self.cell = nn.GRUCell(width, width)
        self.readout = nn.Linear(width, codes.entries)

    def noise(self, n: int, *, generator: torch.Generator | None = None, device: torch.device | None = None) -> Tensor:
        """A uniform number for each index, shape (n, code_dim)."""
        return torch.rand(n, self.code_dim, generator=generator, device=device)

    def forward(self, noise: Tensor, condition: Tensor | None = None) -> Tensor:
        """Draws index after index from uniform noise (N, code_dim): int64 (N, code_dim)."""
        codes = torch.full(noise.shape, self.entries, dtype=torch.int64, device=noise.device)
        with torch.no_grad(), _single_precision(noise.device):
            for place, logits in enumerate(self._steps(codes, condition)):
                below = logits.softmax(1).cumsum(1) <= noise[:, place, None]
                codes[:, place] = below.sum(1).clamp(max=self.entries - 1)
        return codes

    def log_prob(self, code: Tensor, condition: Tensor | None = None) -> Tensor:
        """Log-probability of indices (N, code_dim) in nats, shape (N,).

        Raises:
            ValueError: The prior takes a condition, and none is given.
        """
        with _single_precision(code.device):
            logits = torch.stack(list(self._steps(code, condition)), dim=2)
            return -functional.cross_entropy(logits, code, reduction="none").sum(1)

    def code_loss(self, code: Tensor, noise: Tensor, condition: Tensor | None = None) -> Tensor:
        """Minus the mean log-probability of an index, in nats."""
        return -self.log_prob(code, condition).mean() / self.code_dim

    def _steps(self, codes: Tensor, condition: Tensor | None) -> Iterator[Tensor]:
        """Yields logits (N, entries) of one position after the other; each depends only on the `codes` before it."""
        if isinstance(self.first, nn.Linear):
            if condition is None:
                raise ValueError("its indices depend on a condition, and none is given")
            state = self.first(condition.float())
        else:
            state = self.first.expand(len(codes), -1)
        nothing = torch.full_like(codes[:, 0], self.entries)
        for place in range(self.code_dim):
            left = codes[:, place - 1].clone() if place % self.columns else nothing
            above = codes[:, place - self.columns].clone() if place >= self.columns else nothing
            state = self.cell(self.left(left) + self.above(above) + self.places[place], state)
            yield self.readout(state)


def _single_precision(device: torch.device) -> AbstractContextManager[object]:
    """Disables autocast, if the device has it."""
    if not torch.amp.is_autocast_available(device.type):
        return nullcontext()
    return torch.autocast(device.type, enabled=False)
