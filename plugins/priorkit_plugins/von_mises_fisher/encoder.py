"""An encoder whose posteriors are von Mises-Fisher distributions on the unit sphere."""

import math

import torch
from torch import Tensor, nn

from priorkit.interfaces import Encoder, Posterior
from priorkit_plugins.single_precision import at_least_single, single_precision
from priorkit_plugins.soft_bounds import softly_bounded
from priorkit_plugins.von_mises_fisher.distributions import SPHERE, VonMisesFisher, directions

__all__ = ["VonMisesFisherEncoder"]


class VonMisesFisherEncoder(Encoder):
    """q(code | x) = vMF(direction(x), concentration(x)) (Davidson et al. 2018), by the sphere's surface measure.

    The paper draws a code's height by rejection sampling; here it is the quantile at the level of the noise, which is
    differentiable. The paper's concentrations are 1 + softplus(body), which start so low that codes of many dimensions
    carry almost no information, and rise slowly. Here, they are code_dim * exp(body), kept in a range: the variance of
    a dimension, about 1 / concentration, is initially that of uniform codes.

    Args:
        body: From images (N, C, H, W) to (N, code_dim + 1): the unnormalised direction, then the log-concentration
            before bounds.
        code_dim: Dimensions of a code, at least 2.
        concentrations: Lower and upper bound of the concentrations, above 0.
    """

    stochastic = True
    support = SPHERE

    def __init__(self, body: nn.Module, code_dim: int, concentrations: tuple[float, float] = (0.1, 1e5)) -> None:
        super().__init__()
        self.body = body
        self.code_dim = code_dim
        low, high = (math.log(bound) for bound in concentrations)
        self._bounds = (low, high)

    def forward(self, image: Tensor, noise: Tensor | None = None) -> Posterior:
        """Encodes images (N, C, H, W), and draws codes with standard normal noise (N, code_dim), if given.

        Without noise, the code is the mean direction. Everything after the body is computed in float32, even under
        autocast.
        """
        parameters: Tensor = self.body(image)
        with single_precision(parameters.device):
            parameters = at_least_single(parameters)
            direction = directions(parameters[:, :-1])
            free = math.log(self.code_dim) + parameters[:, -1]
            bounded = softly_bounded(free, *self._bounds)
            spread = VonMisesFisher(direction, bounded.exp())
            if noise is None:
                code, log_prob = direction, spread.at_height(torch.zeros_like(spread.concentration))
            else:
                code, log_prob = spread.draw(noise.to(parameters.dtype))
            return Posterior(code, direction, log_prob=log_prob, distribution=spread)
