"""The code generator: the network that a learned prior is made of."""

import abc

from torch import Tensor, nn

__all__ = ["CodeGenerator"]


class CodeGenerator(nn.Module, abc.ABC):
    """z_c = CG(z): turns noise into codes (Section 3 of Wang et al. 2020).

    Attributes:
        noise_dim: Number of dimensions of its input: of the noise z, or of [z; s] where there is a condition.
        code_dim: Number of dimensions of the code z_c.
    """

    noise_dim: int
    code_dim: int

    @abc.abstractmethod
    def forward(self, noise: Tensor) -> Tensor:
        """Turns noise (N, noise_dim) into codes (N, code_dim)."""
