"""A network from codes to single numbers: an energy, or the logit of a probability."""

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import silu

__all__ = ["ScalarNetwork"]


class ScalarNetwork(nn.Module):
    """f(code, s), a number: fully connected layers with SiLU, which is smooth, as gradient-based samplers need.

    Args:
        code_dim: Dimensions of a code.
        condition_dim: Dimensions of the condition s; 0 for none.
        hidden: Width of the hidden layers.
        layers: Number of hidden layers, at least 1.
        constant: Whether the last layer has a bias; an energy needs none.
    """

    def __init__(
        self, code_dim: int, condition_dim: int = 0, *, hidden: int, layers: int, constant: bool = True
    ) -> None:
        super().__init__()
        self.code_dim = code_dim
        self.condition_dim = condition_dim
        widths = [code_dim + condition_dim] + layers * [hidden]
        self.layers = nn.ModuleList(nn.Linear(*pair) for pair in pairwise(widths))
        self.last = nn.Linear(hidden, 1, bias=constant)

    def forward(self, code: Tensor, condition: Tensor | None = None) -> Tensor:
        """The value of f at codes (..., code_dim), given s (..., condition_dim): shape (...)."""
        value = _joined(code, condition)
        for layer in self.layers:
            value = silu(layer(value))
        found: Tensor = self.last(value).squeeze(-1)
        return found

    def gradient(self, code: Tensor, condition: Tensor | None = None) -> Tensor:
        """df/dcode at codes (N, code_dim), given s (N, condition_dim): shape (N, code_dim).

        Computed explicitly, so that samples need no autograd, and gradients of samples no double backward.
        """
        value, slopes = _joined(code, condition), []
        for layer in self.layers:
            inner = layer(value)
            gate = torch.sigmoid(inner)
            value = inner * gate
            slopes.append(gate * (1 + inner * (1 - gate)))
        gradient: Tensor = self.last.weight
        for layer, slope in zip(reversed(self.layers), reversed(slopes), strict=True):
            gradient = (gradient * slope) @ layer.weight
        return gradient[:, : self.code_dim]


def _joined(code: Tensor, condition: Tensor | None) -> Tensor:
    return code if condition is None else torch.cat([code, condition.to(code.dtype)], dim=-1)
