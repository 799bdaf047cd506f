"""The variational mixture of posteriors."""

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.functional import hardtanh
from torch.nn.modules.batchnorm import _BatchNorm

from priorkit.errors import ConfigurationError
from priorkit.interfaces import Encoder, Learning, Posterior, Prior
from priorkit_plugins.diagonal_mixture import DiagonalMixture, mixture_noise, picked_parts
from priorkit_plugins.layer_modes import layers_in_training
from priorkit_plugins.shared_encoder import SharedEncoder

__all__ = ["VampPrior", "starting_images"]

_AVERAGED = 1000
"""Maximal number of training images averaged for the mean image."""
_INSIDE = 0.99
"""Bound on initial pseudo-inputs: at -1 and 1 the hard tanh has no gradient, so they could not move."""


def starting_images(images: Callable[[int], Tensor], count: int, available: int, *, mean: bool, std: float) -> Tensor:
    """Pseudo-inputs to start from, with noise from torch's global generator: (count, C, H, W) within (-1, 1).

    Args:
        images: Returns the given number of training images.
        count: K, the number of pseudo-inputs.
        available: Number of training images; they are repeated if there are fewer than K.
        mean: Whether to start at the mean image instead of at images.
        std: Standard deviation of the noise.
    """
    if mean:
        start = images(min(_AVERAGED, available)).mean(0, keepdim=True).repeat(count, 1, 1, 1)
    else:
        distinct = images(min(count, available))
        start = distinct.repeat(math.ceil(count / len(distinct)), 1, 1, 1)[:count]
    return (start + std * torch.randn(start.shape)).clamp(-_INSIDE, _INSIDE)


class VampPrior(Prior):
    """p(code) = sum_k w_k q(code | u_k) for learned pseudo-inputs u_k (Tomczak and Welling 2018).

    Weights w_k are 1/K, as in the paper's experiments, or a softmax of learned numbers that start at 0. Pseudo-inputs
    are kept in the images' range by a hard tanh, as in the paper. It is trained with the encoder: gradients of the
    density reach the pseudo-inputs and, through them, the encoder.

    The encoder's batch norm always normalises the K pseudo-inputs by their own statistics, in training and afterwards:
    the trained density is the sampled one, and the encoder's running statistics stay those of the data. With running
    statistics instead, the prior would depend on the scale of weights, which batch norm otherwise makes irrelevant;
    weights would grow, running statistics lag behind, and images be encoded wrongly in evaluation mode. All other
    layers of the encoder, such as dropout, are in evaluation mode.

    Args:
        encoder: q(code | x), with a variance. It is not a submodule: it is trained and saved separately. Copies of the
            prior use the same encoder, or its copy if both are copied together.
        start: Initial pseudo-inputs, shape (K, C, H, W).
        learned_weights: Whether the weights are learned.
    """

    learning = Learning.LIKELIHOOD
    has_density = True

    def __init__(self, encoder: Encoder, start: Tensor, *, learned_weights: bool = False) -> None:
        super().__init__()
        self.code_dim = encoder.code_dim
        self.pseudo_inputs = nn.Parameter(start.clone())
        self.logits = nn.Parameter(torch.zeros(len(start))) if learned_weights else None
        self._shared = SharedEncoder(encoder)

    def noise(self, n: int, *, generator: torch.Generator | None = None, device: torch.device | None = None) -> Tensor:
        """Shape (n, 1 + code_dim): a uniform number that picks the pseudo-input, then standard normals."""
        return mixture_noise(n, self.code_dim, generator=generator, device=device)

    def forward(self, noise: Tensor, condition: Tensor | None = None) -> Tensor:
        """Picks u_k by the first column of the noise (N, 1 + code_dim), then draws from q(code | u_k)."""
        picked = picked_parts(noise[:, 0], self._log_weights())
        mean, log_variance = (item.index_select(0, picked) for item in self._normals())
        codes: Tensor = mean + torch.exp(0.5 * log_variance) * noise[:, 1:]
        return codes

    def log_prob(self, code: Tensor, condition: Tensor | None = None) -> Tensor:
        """Log-density of codes (N, code_dim) in nats, shape (N,): log sum_k w_k q(code | u_k)."""
        return DiagonalMixture(self._log_weights(), *self._normals()).log_prob(code)

    def _log_weights(self) -> Tensor:
        if self.logits is not None:
            return self.logits.log_softmax(0)
        count = len(self.pseudo_inputs)
        return torch.full((count,), -math.log(count), device=self.pseudo_inputs.device)

    def _normals(self) -> tuple[Tensor, Tensor]:
        """Means and log-variances of the pseudo-inputs' posteriors, each (K, code_dim)."""
        posterior = self._posteriors()
        if posterior.log_variance is None:
            raise ConfigurationError(
                "vampprior needs an encoder whose posteriors are normal with independent dimensions; use --encoder "
                "gaussian"
            )
        return posterior.mean, posterior.log_variance

    # Compiled code would have to switch the encoder's mode.
    @torch.compiler.disable  # type: ignore[untyped-decorator]
    def _posteriors(self) -> Posterior:
        encoder = self._shared.encoder
        # The pass updates copies of the statistics.
        statistics = {name: buffer.clone() for name, buffer in encoder.named_buffers()}
        with layers_in_training(encoder, lambda layer: isinstance(layer, _BatchNorm)):
            # Untied: otherwise a layer that is registered twice would keep the copies.
            posterior: Posterior = functional_call(
                encoder, statistics, (hardtanh(self.pseudo_inputs),), tie_weights=False
            )
        return posterior
