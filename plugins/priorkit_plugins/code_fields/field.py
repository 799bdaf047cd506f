"""What a field is."""

import abc

from torch import Tensor, nn

from priorkit.interfaces import CodeSpace

__all__ = ["CodeField"]


class CodeField(nn.Module, abc.ABC):
    """A function of codes, times and conditions that gives codes: f(code, t, s).

    Attributes:
        codes: The space of the codes.
        condition_dim: Dimensions of the condition s; 0 for none. Zeros stand for no condition, where that is learned.
    """

    codes: CodeSpace
    condition_dim: int

    @abc.abstractmethod
    def forward(self, code: Tensor, time: Tensor, condition: Tensor | None = None) -> Tensor:
        """The field (N, code_dim) at codes (N, code_dim) and times (N,) in [0, 1], given s (N, condition_dim)."""
