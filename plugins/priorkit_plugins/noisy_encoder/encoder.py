"""An encoder whose codes have unit variance and noise of a fixed size."""

import math

import torch
from torch import Tensor, nn

from priorkit.interfaces import Encoder, Posterior
from priorkit_plugins.single_precision import at_least_single

__all__ = ["NoisyEncoder"]


class NoisyEncoder(Encoder):
    """q(code | x) = N(mean(x), noise^2), where batch norm gives every dimension of the means zero mean and variance 1.

    The codes of a deterministic encoder have almost no variance in some directions; no prior with a density can match
    them, and any classifier distinguishes the two. Here no dimension can vanish, and the noise fills empty directions.

    Args:
        body: From images (N, C, H, W) to (N, code_dim).
        code_dim: Dimensions of a code.
        noise: Standard deviation of the noise, above 0.
    """

    stochastic = True

    def __init__(self, body: nn.Module, code_dim: int, noise: float) -> None:
        super().__init__()
        self.body = body
        self.code_dim = code_dim
        self.deviation = noise
        self.norm = nn.BatchNorm1d(code_dim, affine=False)

    def forward(self, image: Tensor, noise: Tensor | None = None) -> Posterior:
        """Encodes images (N, C, H, W), and draws codes with standard normal noise (N, code_dim), if given.

        Everything after the body is computed in float32 (float64 if the body is), even under autocast.
        """
        features: Tensor = self.body(image)
        mean: Tensor = self.norm(at_least_single(features))
        code = mean if noise is None else mean + self.deviation * noise
        return Posterior(code, mean, torch.full_like(mean, 2 * math.log(self.deviation)))
