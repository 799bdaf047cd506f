"""The code generator of Wang et al. 2020."""

from torch import Tensor, nn

from priorkit.interfaces import CodeGenerator
from priorkit_plugins.fully_connected import hidden_layers

__all__ = ["MLPCodeGenerator"]


class MLPCodeGenerator(CodeGenerator):
    """CG: fully connected, batch norm, ReLU; fully connected, batch norm (Table A.2 of Wang et al. 2020).

    The batch norm at the end keeps each dimension of the codes at a learned mean and variance over a batch, so that the
    codes cannot collapse to a point. Weights have torch's default initialisation.

    Args:
        noise_dim: Dimensions of the noise z.
        code_dim: Dimensions of the code z_c.
        hidden: Width of the hidden layers; None for the paper's 2 * `noise_dim`.
        layers: Number of hidden layers, at least 1; 1 in the paper.
        output_norm: Whether batch norm follows the last layer.
    """

    def __init__(
        self, noise_dim: int, code_dim: int, *, hidden: int | None = None, layers: int = 1, output_norm: bool = True
    ) -> None:
        super().__init__()
        self.noise_dim = noise_dim
        self.code_dim = code_dim
        widths = [hidden or 2 * noise_dim] * layers
        self.network = nn.Sequential(
            *hidden_layers(noise_dim, widths, norm="batch"), nn.Linear(widths[-1], code_dim, bias=not output_norm)
        )
        if output_norm:
            self.network.append(nn.BatchNorm1d(code_dim))

    def forward(self, noise: Tensor) -> Tensor:
        """Turns noise (N, noise_dim) into codes (N, code_dim)."""
        codes: Tensor = self.network(noise)
        return codes
