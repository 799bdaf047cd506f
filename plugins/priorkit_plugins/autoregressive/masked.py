"""The autoregressive prior of vectors."""

from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import softplus

from priorkit.interfaces import CodeSpace, Learning, Prior, Standardisation
from priorkit_plugins.autoregressive.scalar_mixtures import ScalarMixtures, standard_noise
from priorkit_plugins.masked_network import MaskedNetwork
from priorkit_plugins.single_precision import at_least_single, single_precision

__all__ = ["MaskedPrior"]

_PARAMETERS = 3
"""Weight, mean and scale of a part."""
_LEAST_SCALE = 1e-3
"""Of a part, where codes have deviation 1: where a dimension takes one value often, likelihood would have no limit."""
_SPREAD = 1.5
"""Means start evenly spaced between minus this and this, in deviations."""


class MaskedPrior(Prior):
    """p(code) = prod_d p(code_d | code_1, ..., code_(d-1)), or the same given s: one masked network, one pass.

    Each factor is a mixture whose weights, means and scales a masked autoencoder gives from the dimensions before d
    (Germain et al. 2015, arXiv:1502.03509). The density takes one pass of the network, a sample one for each dimension.
    The part of a mixture is picked by a uniform number, which gives the weights no gradient: that comes from the
    density.

    In a stage on codes, they are standardised. It is computed in float32, never in mixed precision.

    Args:
        network: From codes and s to `outputs(K)` numbers for each dimension.
        distribution: Distribution of a mixture's parts.
    """

    learning = Learning.LIKELIHOOD
    has_density = True

    def __init__(self, network: MaskedNetwork, *, distribution: Literal["logistic", "normal"] = "logistic") -> None:
        super().__init__()
        self.network = network
        self.code_dim = network.code_dim
        self.takes_condition = network.condition_dim > 0
        self.distribution_of_parts = distribution
        self.standardisation = Standardisation(CodeSpace((self.code_dim,)))
        components = network.start.shape[1] // _PARAMETERS
        with torch.no_grad():
            network.start[:, components : 2 * components] = torch.linspace(-_SPREAD, _SPREAD, components + 2)[1:-1]

    @staticmethod
    def outputs(components: int) -> int:
        """How many outputs a network needs for each dimension, for mixtures of so many parts."""
        return _PARAMETERS * components

    def noise(self, n: int, *, generator: torch.Generator | None = None, device: torch.device | None = None) -> Tensor:
        """Shape (n, code_dim, 2): for each dimension, a uniform number that picks the part, then the part's noise."""
        size = (n, self.code_dim, 1)
        uniform = torch.rand(*size, generator=generator, device=device)
        within = standard_noise(self.distribution_of_parts, *size, generator=generator, device=device)
        return torch.cat([uniform, within], dim=2)

    def forward(self, noise: Tensor, condition: Tensor | None = None) -> Tensor:
        """From noise (N, code_dim, 2), and s (N, condition_dim) if it takes one, to codes (N, code_dim).

        Raises:
            ValueError: It takes a condition, and there is none.
        """
        self._require(condition)
        with single_precision(noise.device):
            code = torch.zeros_like(noise[:, :, 0])
            for d in range(self.code_dim):
                mixtures = self._mixtures(self.network.of_dimension(d, code, self._exact(condition)))
                value = mixtures.draw(noise[:, d, 0], noise[:, d, 1])
                code = torch.cat([code[:, :d], value[:, None], code[:, d + 1 :]], dim=1)
            return self.standardisation.inverse(code)

    def log_prob(self, code: Tensor, condition: Tensor | None = None) -> Tensor:
        """Log-density of codes (N, code_dim) in nats, shape (N,), given s (N, condition_dim) if it takes one.

        Raises:
            ValueError: It takes a condition, and there is none.
        """
        self._require(condition)
        with single_precision(code.device):
            scaled = self.standardisation(at_least_single(code))
            mixtures = self._mixtures(self.network(scaled, self._exact(condition)))
            log_density: Tensor = mixtures.log_prob(scaled).sum(1) - self.standardisation.log_volume()
            return log_density

    def standardise(self, mean: Tensor, deviation: Tensor) -> None:
        """Sets the scale of the codes, whose means and deviations (code_dim,) are given."""
        self.standardisation.set(mean, deviation)

    def _mixtures(self, outputs: Tensor) -> ScalarMixtures:
        logits, means, scales = outputs.chunk(_PARAMETERS, dim=-1)
        return ScalarMixtures(
            torch.log_softmax(logits, dim=-1), means, softplus(scales) + _LEAST_SCALE, self.distribution_of_parts
        )

    def _exact(self, condition: Tensor | None) -> Tensor | None:
        return None if condition is None else condition.to(self.network.start.dtype)

    def _require(self, condition: Tensor | None) -> None:
        if self.takes_condition and condition is None:
            raise ValueError(
                "a conditional autoregressive prior has a density for each s, none over all of them; use a condition "
                "that images bring with them (--condition labels or embedding), or --condition none"
            )
