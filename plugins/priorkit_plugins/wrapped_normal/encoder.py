"""An encoder whose posteriors are wrapped normal distributions on the Poincare ball."""

import math

import torch
from torch import Tensor, nn

from priorkit.interfaces import Encoder, Posterior
from priorkit_plugins.single_precision import at_least_single, single_precision
from priorkit_plugins.soft_bounds import softly_bounded
from priorkit_plugins.wrapped_normal.ball import Ball

__all__ = ["WrappedNormalEncoder"]


class WrappedNormalEncoder(Encoder):
    """q(code | x): a normal tangent vector at the origin, carried to the mean and followed from there.

    The wrapped normal distribution of Nagano et al. 2019 and Mathieu et al. 2019, with independent dimensions. Its
    density is by the volume of the ball, so that it integrates to 1 over codes; by the metric's volume, as in the
    papers, it is (2 / (1 - c |z|^2))^-D times as large. Divergences are the same by either.

    Args:
        body: From images (N, C, H, W) to (N, 2 * code_dim): the means, as vectors at the origin whose length is the
            distance, then what the log-variances are made of.
        code_dim: Dimensions of a code.
        curvature: c: the ball has curvature -c and radius 1 / sqrt(c).
        log_variances: Lower and upper bound of the log-variances, in nats.
        farthest: Largest distance of a mean from the origin.
    """

    stochastic = True

    def __init__(
        self,
        body: nn.Module,
        code_dim: int,
        curvature: float,
        *,
        log_variances: tuple[float, float] = (-10.0, 4.0),
        farthest: float = 8.0,
    ) -> None:
        super().__init__()
        self.body = body
        self.code_dim = code_dim
        self._ball = Ball(curvature)
        self.support = self._ball.support
        self._bounds = log_variances
        self._farthest = farthest / math.sqrt(curvature)

    def forward(self, image: Tensor, noise: Tensor | None = None) -> Posterior:
        """Encodes images (N, C, H, W), and draws codes with standard normal noise (N, code_dim), if there is any.

        Without noise, the code is the mean. Everything after the body is computed in float32, even under autocast.
        """
        parameters: Tensor = self.body(image)
        with single_precision(parameters.device):
            vector, free = at_least_single(parameters).chunk(2, dim=1)
            # Close to the identity for short vectors, and bounded.
            vector = vector / (1 + vector.square().sum(1, keepdim=True) / self._farthest**2).sqrt()
            log_variance = softly_bounded(free, *self._bounds)
            mean, log_gap = self._ball.from_origin(vector)
            given = torch.zeros_like(vector) if noise is None else noise.to(vector.dtype)
            step = torch.exp(0.5 * log_variance) * given
            code, log_gap = self._ball.from_point(mean, log_gap, step)
            distance = (step.square().sum(1) + 1e-12).sqrt()
            normal = -0.5 * (given.square() + log_variance + math.log(math.tau)).sum(1)
            log_prob = normal - self._ball.log_volume(distance, log_gap, self.code_dim)
            return Posterior(mean if noise is None else code, mean, log_prob=log_prob)
