"""An encoder whose posteriors have independent dimensions with heavier tails than normal ones."""

import torch
from torch import Tensor, nn

from priorkit.interfaces import Encoder, Posterior
from priorkit_plugins.heavy_tails.laws import Law
from priorkit_plugins.single_precision import at_least_single
from priorkit_plugins.soft_bounds import softly_bounded

__all__ = ["HeavyTailedEncoder"]


class HeavyTailedEncoder(Encoder):
    """q(code | x) has independent dimensions of a law, each with a location and a scale that depend on the image.

    A draw is location + scale * quantile, the law's quantile at the level of the normal noise: reparameterised (Kingma
    and Welling 2013, arXiv:1312.6114, Section 2.4). Logarithms of scales are kept in a range by a scaled tanh, as the
    log-variances of the encoder `gaussian` are.

    Args:
        law: The law of every dimension.
        body: From images (N, C, H, W) to (N, 2 * code_dim): the locations, then the log-scales before the tanh.
        code_dim: Dimensions of a code.
        log_scales: Lower and upper bound of the log-scales.
    """

    stochastic = True

    def __init__(self, law: Law, body: nn.Module, code_dim: int, *, log_scales: tuple[float, float]) -> None:
        super().__init__()
        self._law = law
        self.body = body
        self.code_dim = code_dim
        self._bounds = log_scales

    def forward(self, image: Tensor, noise: Tensor | None = None) -> Posterior:
        """Encodes images (N, C, H, W), and draws codes with standard normal noise (N, code_dim), if given.

        Everything after the body is computed in float32 (float64 if the body is), even under autocast.
        """
        parameters: Tensor = self.body(image)
        parameters = at_least_single(parameters)
        location, free = parameters.chunk(2, dim=1)
        log_scale = softly_bounded(free, *self._bounds)
        scale = log_scale.exp()
        standard = torch.zeros_like(location) if noise is None else self._law.draw(noise.to(location.dtype))
        return Posterior(
            location + scale * standard,
            location,
            log_prob=(self._law.log_prob(standard) - log_scale).sum(1),
            distribution=self._law.distribution(location, scale),
        )
