"""The interface of fields: networks over codes, times and conditions."""

import abc

from torch import Tensor, nn

from priorkit.interfaces import CodeSpace

__all__ = ["CodeField"]


class CodeField(nn.Module, abc.ABC):
    """A function f(code, t, s) of codes, times and conditions, with values of the codes' shape.

    Attributes:
        codes: The space of the codes.
        condition_dim: Dimensions of the condition s; 0 for none. An s of zeros stands for no condition, if the field
            learns this.
    """

    codes: CodeSpace
    condition_dim: int

    @abc.abstractmethod
    def forward(self, code: Tensor, time: Tensor, condition: Tensor | None = None) -> Tensor:
        """The field (N, code_dim) at codes (N, code_dim) and times (N,) in [0, 1], given s (N, condition_dim)."""
