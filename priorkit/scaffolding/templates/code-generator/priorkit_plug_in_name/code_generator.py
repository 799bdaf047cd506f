"""A code generator with a linear skip path."""

from priorkit.interfaces import CodeGenerator
from torch import Tensor, nn

__all__ = ["PlugInNameCodeGenerator"]


class PlugInNameCodeGenerator(CodeGenerator):
    """z_c = A z + MLP(z), then batch norm.

    With the linear path A, codes are initially almost Gaussian, and the layers deform their distribution. The batch
    norm keeps each dimension of the codes at a learned mean and variance over a batch, so that the codes cannot
    collapse to a point.

    Args:
        noise_dim: Dimensions of the noise z (of [z; s] if the run has a condition s).
        code_dim: Dimensions of the code z_c.
        hidden: Width of the hidden layers; None for 2 * `noise_dim`.
        layers: Number of hidden layers, at least 1.
    """

    def __init__(self, noise_dim: int, code_dim: int, hidden: int | None = None, layers: int = 2) -> None:
        super().__init__()
        self.noise_dim = noise_dim
        self.code_dim = code_dim
        width = hidden or 2 * noise_dim
        self.path = nn.Linear(noise_dim, code_dim, bias=False)
        self.bend = nn.Sequential()
        inputs = noise_dim
        for _ in range(layers):
            self.bend.extend([nn.Linear(inputs, width), nn.SiLU()])
            inputs = width
        self.bend.append(nn.Linear(inputs, code_dim, bias=False))
        self.norm = nn.BatchNorm1d(code_dim)

    def forward(self, noise: Tensor) -> Tensor:
        """Turns noise (N, noise_dim) into codes (N, code_dim)."""
        codes: Tensor = self.norm(self.path(noise) + self.bend(noise))
        return codes
