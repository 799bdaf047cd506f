"""An encoder whose posterior has a constant variance."""

import math

import torch
from priorkit.interfaces import Encoder, Posterior
from torch import Tensor, nn

__all__ = ["PlugInNameEncoder"]


class PlugInNameEncoder(Encoder):
    """q(code | x) = N(mean(x), std^2 I), drawn by reparameterisation.

    Args:
        body: From images (N, C, H, W) to means (N, code_dim).
        code_dim: Dimensions of a code.
        std: Standard deviation of every dimension, above 0.
    """

    stochastic = True

    def __init__(self, body: nn.Module, code_dim: int, std: float = 0.2) -> None:
        super().__init__()
        self.body = body
        self.code_dim = code_dim
        self.std = std

    def forward(self, image: Tensor, noise: Tensor | None = None) -> Posterior:
        """Encodes images (N, C, H, W), and draws codes with standard normal noise (N, code_dim), if given."""
        mean: Tensor = self.body(image).float()
        code = mean if noise is None else mean + self.std * noise
        return Posterior(code, mean, torch.full_like(mean, 2 * math.log(self.std)))
