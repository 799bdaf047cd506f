"""The encoder: from an image to a code, or to a distribution over codes."""

import abc
from dataclasses import dataclass

from torch import Tensor, nn

__all__ = ["Encoder", "Posterior"]


@dataclass(frozen=True)
class Posterior:
    """q(code | x) for a batch of images, and one draw from it.

    Attributes:
        code: The draw, shape (N, code_dim), differentiable with respect to the encoder.
        mean: The posterior's mean, shape (N, code_dim); the code itself for a deterministic encoder.
        log_variance: Log-variance of each dimension, shape (N, code_dim); None for a deterministic encoder.
    """

    code: Tensor
    mean: Tensor
    log_variance: Tensor | None = None


class Encoder(nn.Module, abc.ABC):
    """enc(x): turns images into codes.

    Attributes:
        code_dim: Number of dimensions of a code.
        stochastic: Whether the posterior has a variance, so that the draw depends on noise.
    """

    code_dim: int
    stochastic: bool = False

    @abc.abstractmethod
    def forward(self, image: Tensor, noise: Tensor | None = None) -> Posterior:
        """Encodes a batch.

        Args:
            image: Shape (N, C, H, W), values in [-1, 1].
            noise: Standard normal, shape (N, code_dim). None asks for the mean as the draw. A deterministic encoder
                ignores it.
        """
