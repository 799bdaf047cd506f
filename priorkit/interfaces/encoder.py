"""The encoder: from an image to a code, or to a distribution over codes."""

import abc
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from torch import Tensor, nn

if TYPE_CHECKING:
    from priorkit.interfaces.phase import Phase
    from priorkit.interfaces.system import System

__all__ = ["Encoder", "Posterior"]


@dataclass(frozen=True)
class Posterior:
    """q(code | x) for a batch of images, and one draw from it.

    Attributes:
        code: The draw, shape (N, code_dim), differentiable with respect to the encoder.
        mean: The posterior's mean, shape (N, code_dim); the code itself for a deterministic encoder.
        log_variance: Log-variance of each dimension, shape (N, code_dim); None for a deterministic encoder.

    Examples:
        >>> import torch
        >>> from priorkit.interfaces import Posterior
        >>> code = torch.zeros(2, 4)
        >>> Posterior(code, mean=code).log_variance is None
        True
    """

    code: Tensor
    mean: Tensor
    log_variance: Tensor | None = None


class Encoder(nn.Module, abc.ABC):
    """enc(x): turns images into codes.

    Attributes:
        code_dim: Number of dimensions of a code.
        stochastic: Whether the posterior has a variance, so that the draw depends on noise.

    Examples:
        >>> import torch
        >>> from torch import nn
        >>> from priorkit.interfaces import Encoder, Posterior
        >>> class LinearEncoder(Encoder):
        ...     def __init__(self, pixels, code_dim):
        ...         super().__init__()
        ...         self.code_dim = code_dim
        ...         self.layer = nn.Linear(pixels, code_dim)
        ...
        ...     def forward(self, image, noise=None):
        ...         code = self.layer(image.flatten(1))
        ...         return Posterior(code, mean=code)
        >>> LinearEncoder(16 * 16, 4)(torch.zeros(2, 1, 16, 16)).code.shape
        torch.Size([2, 4])
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

    def phases(self, system: "System") -> "Sequence[Phase]":
        """The phases that this encoder brings into training, beside those of the core; none by default.

        Called once, after the system has been built on the CPU; what it is given is the system that is trained.

        Raises:
            ValueError: The encoder cannot be trained in this system; the message says what would do.
        """
        return ()
