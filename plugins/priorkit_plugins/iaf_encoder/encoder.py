"""An encoder whose posterior is an inverse autoregressive flow."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from priorkit.interfaces import Encoder, Posterior
from priorkit_plugins.iaf_encoder.transform import AutoregressiveTransform
from priorkit_plugins.single_precision import at_least_single, single_precision
from priorkit_plugins.soft_bounds import softly_bounded

__all__ = ["IAFEncoder"]

_WIDEST = 10.0
"""Bound on the log-variances of the flow's base distribution."""


class IAFEncoder(Encoder):
    """z_0 ~ N(mean(x), diag(variance(x))), then z_t = transform_t(z_{t-1}, h(x)) (Kingma et al. 2016, Algorithm 1).

    The order of the dimensions is reversed between transforms. The posterior is not normal: it has a `log_prob`, log
    q(z_T|x), by the change of variables. Without noise, the draw is the flow's image of the mean of z_0, which serves
    as the posterior's mean.

    Args:
        body: From images (N, C, H, W) to (N, 3 * code_dim): the mean and the log-variance of z_0, and h.
        code_dim: Dimensions of a code.
        transforms: The flow, each with a context of `code_dim` dimensions.
    """

    stochastic = True

    def __init__(self, body: nn.Module, code_dim: int, transforms: Sequence[AutoregressiveTransform]) -> None:
        super().__init__()
        self.body = body
        self.code_dim = code_dim
        self.transforms = nn.ModuleList(transforms)

    def forward(self, image: Tensor, noise: Tensor | None = None) -> Posterior:
        """Encodes images (N, C, H, W), and draws codes with standard normal noise (N, code_dim), if given.

        Everything after the body is computed in float32 (float64 if the body is), even under autocast.
        """
        parameters: Tensor = self.body(image)
        with single_precision(image.device):
            parameters = at_least_single(parameters)
            mean, free, context = parameters.chunk(3, dim=1)
            log_variance = softly_bounded(free, -_WIDEST, _WIDEST)
            start = torch.zeros_like(mean) if noise is None else noise.to(mean)
            code, volume = self._flow(mean + torch.exp(0.5 * log_variance) * start, context)
            own = 0.5 * (start.square() + log_variance + math.log(2 * math.pi)).sum(1)
            central = code if noise is None else self._flow(mean, context)[0]
        return Posterior(code, central, log_prob=-own - volume)

    def _flow(self, code: Tensor, context: Tensor) -> tuple[Tensor, Tensor]:
        """Turns z_0 into codes z_T (N, code_dim); also returns log |det dz_T/dz_0|, shape (N,)."""
        volume = torch.zeros_like(code[:, 0])
        for transform in self.transforms:
            code, change = transform(code.flip(1), context)
            volume = volume + change
        return code, volume
