"""The code generator: the network inside a learned prior."""

import abc

from torch import Tensor, nn

__all__ = ["CodeGenerator"]


class CodeGenerator(nn.Module, abc.ABC):
    """z_c = CG(z): turns noise into codes (Section 3 of Wang et al. 2020).

    Attributes:
        noise_dim: Number of dimensions of the input: of the noise z, or of [z; s] if the run has a condition.
        code_dim: Number of dimensions of the code z_c.

    Examples:
        >>> import torch
        >>> from torch import nn
        >>> from priorkit.interfaces import CodeGenerator
        >>> class LinearCodeGenerator(CodeGenerator):
        ...     def __init__(self, noise_dim, code_dim):
        ...         super().__init__()
        ...         self.noise_dim, self.code_dim = noise_dim, code_dim
        ...         self.layer = nn.Linear(noise_dim, code_dim)
        ...
        ...     def forward(self, noise):
        ...         return self.layer(noise)
        >>> LinearCodeGenerator(8, 4)(torch.zeros(2, 8)).shape
        torch.Size([2, 4])
    """

    noise_dim: int
    code_dim: int

    @abc.abstractmethod
    def forward(self, noise: Tensor) -> Tensor:
        """Turns noise (N, noise_dim) into codes (N, code_dim)."""
