"""An encoder whose posterior is a normal distribution with diagonal covariance."""

import torch
from torch import Tensor, nn

from priorkit.interfaces import Encoder, Posterior
from priorkit_plugins.single_precision import at_least_single
from priorkit_plugins.soft_bounds import softly_bounded

__all__ = ["GaussianEncoder"]


class GaussianEncoder(Encoder):
    """q(code | x) = N(mean(x), diag(exp(log_variance(x)))), drawn by reparameterisation (Kingma and Welling 2013).

    The log-variances are kept in a range by a scaled tanh. The tanh is close to the identity in the middle of the
    range, its bounds are exact, and, unlike clipping, it has gradients beyond them.

    Args:
        body: From images (N, C, H, W) to (N, 2 * code_dim): the means, then the log-variances before the tanh.
        code_dim: Dimensions of a code.
        min_log_variance: Lower bound of the log-variances, in nats.
        max_log_variance: Upper bound of the log-variances, in nats.
    """

    stochastic = True

    def __init__(
        self, body: nn.Module, code_dim: int, *, min_log_variance: float = -10.0, max_log_variance: float = 10.0
    ) -> None:
        super().__init__()
        self.body = body
        self.code_dim = code_dim
        self._bounds = (min_log_variance, max_log_variance)

    def forward(self, image: Tensor, noise: Tensor | None = None) -> Posterior:
        """Encodes images (N, C, H, W), and draws codes with standard normal noise (N, code_dim), if given.

        Everything after the body is computed in float32 (float64 if the body is), even under autocast.
        """
        parameters: Tensor = self.body(image)
        parameters = at_least_single(parameters)
        mean, free = parameters.chunk(2, dim=1)
        log_variance = softly_bounded(free, *self._bounds)
        code = mean if noise is None else mean + torch.exp(0.5 * log_variance) * noise
        return Posterior(code, mean, log_variance)
