"""Encoders whose posteriors are distributions on the simplex."""

import math

import torch
from torch import Tensor, nn
from torch.distributions import Dirichlet

from priorkit.interfaces import Encoder, Posterior
from priorkit_plugins.simplex.densities import SIMPLEX, dirichlet_log_prob, logistic_normal_log_prob
from priorkit_plugins.simplex.gamma import log_gamma
from priorkit_plugins.single_precision import at_least_single, single_precision
from priorkit_plugins.soft_bounds import softly_bounded

__all__ = ["DirichletEncoder", "LogisticNormalEncoder"]


class LogisticNormalEncoder(Encoder):
    """q(code | x) = the distribution of softmax(N(mean(x), variance(x))) (Srivastava and Sutton 2017, Section 3).

    Args:
        body: From images (N, C, H, W) to (N, 2 * code_dim): the means, then the log-variances before the tanh.
        code_dim: Entries of a code, at least 2.
        log_variances: Lower and upper bound of the log-variances, in nats.
    """

    stochastic = True
    support = SIMPLEX

    def __init__(self, body: nn.Module, code_dim: int, log_variances: tuple[float, float] = (-10.0, 10.0)) -> None:
        super().__init__()
        self.body = body
        self.code_dim = code_dim
        self._bounds = log_variances

    def forward(self, image: Tensor, noise: Tensor | None = None) -> Posterior:
        """Encodes images (N, C, H, W), and draws codes with standard normal noise (N, code_dim), if given.

        Everything after the body is computed in float32, even under autocast.
        """
        parameters: Tensor = self.body(image)
        with single_precision(parameters.device):
            mean, free = at_least_single(parameters).chunk(2, dim=1)
            log_variance = softly_bounded(free, *self._bounds)
            drawn = mean if noise is None else mean + torch.exp(0.5 * log_variance) * noise.to(mean.dtype)
            log_code = drawn.log_softmax(1)
            log_prob = logistic_normal_log_prob(log_code, mean, log_variance)
            return Posterior(log_code.exp(), mean.log_softmax(1).exp(), log_prob=log_prob)


class DirichletEncoder(Encoder):
    """q(code | x) = Dirichlet(concentration(x)) (Joo et al. 2019).

    A draw consists of normalised Gamma numbers, quantiles at the level of the noise, with exact implicit gradients; the
    paper approximates the quantiles for small concentrations. The logarithms of concentrations are kept in a range by a
    scaled tanh.

    Args:
        body: From images (N, C, H, W) to (N, code_dim): the log-concentrations before the tanh.
        code_dim: Entries of a code, at least 2.
        concentrations: Lower and upper bound of the concentrations, above 0.
    """

    stochastic = True
    support = SIMPLEX

    def __init__(self, body: nn.Module, code_dim: int, concentrations: tuple[float, float] = (0.1, 1000.0)) -> None:
        super().__init__()
        self.body = body
        self.code_dim = code_dim
        self._least = concentrations[0]
        low, high = (math.log(bound) for bound in concentrations)
        self._bounds = (low, high)

    def forward(self, image: Tensor, noise: Tensor | None = None) -> Posterior:
        """Encodes images (N, C, H, W), and draws codes with standard normal noise (N, code_dim), if given.

        Everything after the body is computed in float32, even under autocast.
        """
        parameters: Tensor = self.body(image)
        with single_precision(parameters.device):
            free = at_least_single(parameters)
            bounded = softly_bounded(free, *self._bounds)
            concentration = bounded.exp()
            if noise is None:
                log_code = bounded.log_softmax(1)
            else:
                sizes = log_gamma(concentration.flatten(), noise.to(concentration.dtype).flatten(), self._least)
                log_code = sizes.view_as(concentration).log_softmax(1)
            return Posterior(
                log_code.exp(),
                bounded.log_softmax(1).exp(),
                log_prob=dirichlet_log_prob(log_code, concentration),
                distribution=Dirichlet(concentration, validate_args=False),
            )
