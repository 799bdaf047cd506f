"""An encoder without noise."""

from torch import Tensor, nn

from priorkit.interfaces import Encoder, Posterior
from priorkit_plugins.single_precision import at_least_single

__all__ = ["DeterministicEncoder"]


class DeterministicEncoder(Encoder):
    """code = enc(x): the posterior is a point.

    Args:
        body: From images (N, C, H, W) to codes (N, code_dim).
        code_dim: Dimensions of a code.
    """

    def __init__(self, body: nn.Module, code_dim: int) -> None:
        super().__init__()
        self.body = body
        self.code_dim = code_dim

    def forward(self, image: Tensor, noise: Tensor | None = None) -> Posterior:
        """Encodes images (N, C, H, W); the noise is ignored. The code is at least float32, even under autocast."""
        code: Tensor = self.body(image)
        code = at_least_single(code)
        return Posterior(code, mean=code)
