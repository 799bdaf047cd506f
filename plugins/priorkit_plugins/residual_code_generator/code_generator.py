"""A code generator of residual blocks."""

from torch import Tensor, nn

from priorkit.interfaces import CodeGenerator

__all__ = ["ResidualCodeGenerator"]


class ResidualCodeGenerator(CodeGenerator):
    """CG: a linear map, residual blocks, a linear map and batch norm. This is priorkit's own design, from no paper.

    Only the blocks are nonlinear, so there is a linear path from noise to codes: the prior is initially close to a
    Gaussian, and the blocks deform it. The blocks are pre-activated (He et al. 2016, arXiv:1603.05027). The batch norm
    at the end is that of Table A.2 of Wang et al. 2020. Weights have torch's default initialisation.

    Args:
        noise_dim: Dimensions of the noise z.
        code_dim: Dimensions of the code z_c.
        hidden: Width of the blocks; None for 2 * `noise_dim`, as in the paper's generator.
        blocks: Number of residual blocks, at least 1.
        output_norm: Whether batch norm follows the last layer.
    """

    def __init__(
        self, noise_dim: int, code_dim: int, *, hidden: int | None = None, blocks: int = 3, output_norm: bool = True
    ) -> None:
        super().__init__()
        self.noise_dim = noise_dim
        self.code_dim = code_dim
        width = hidden or 2 * noise_dim
        self.network = nn.Sequential(
            nn.Linear(noise_dim, width),
            *(_Block(width) for _ in range(blocks)),
            nn.Linear(width, code_dim, bias=not output_norm),
        )
        if output_norm:
            self.network.append(nn.BatchNorm1d(code_dim))

    def forward(self, noise: Tensor) -> Tensor:
        """Turns noise (N, noise_dim) into codes (N, code_dim)."""
        codes: Tensor = self.network(noise)
        return codes


class _Block(nn.Module):
    """h + f(h), where f is twice batch norm, ReLU and a linear map; shape (N, width)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.residual = nn.Sequential(
            nn.BatchNorm1d(width),
            nn.ReLU(),
            nn.Linear(width, width, bias=False),
            nn.BatchNorm1d(width),
            nn.ReLU(),
            nn.Linear(width, width),
        )

    def forward(self, hidden: Tensor) -> Tensor:
        output: Tensor = hidden + self.residual(hidden)
        return output
