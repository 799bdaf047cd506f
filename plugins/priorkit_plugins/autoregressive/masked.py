"""The autoregressive prior of vectors."""

from typing import Literal

from torch import Tensor

from priorkit.interfaces import CodeSpace
from priorkit_plugins.autoregressive.of_numbers import NumbersPrior, drawn_in_turn
from priorkit_plugins.autoregressive.scalar_mixtures import ScalarMixtures, spread_means
from priorkit_plugins.masked_network import MaskedNetwork, PassInTurn

__all__ = ["MaskedPrior"]


class MaskedPrior(NumbersPrior):
    """p(code) = prod_d p(code_d | code_1, ..., code_(d-1)), or the same given s: one masked network, one pass.

    Each factor is a mixture whose weights, means and scales a masked autoencoder gives from the dimensions before d
    (Germain et al. 2015, arXiv:1502.03509). The density takes one pass of the network; so does a sample, which computes
    the hidden units in the order of the dimensions that they see.

    Args:
        network: From codes and s to as many numbers for each dimension as mixtures have parameters.
        distribution: Distribution of a mixture's parts.
    """

    def __init__(self, network: MaskedNetwork, *, distribution: Literal["logistic", "normal"] = "logistic") -> None:
        super().__init__(
            CodeSpace((network.code_dim,)), takes_condition=network.condition_dim > 0, distribution=distribution
        )
        self.network = network
        spread_means(network.start)

    def drawn(self, noise: Tensor, condition: Tensor | None) -> Tensor:
        """Standardised codes (N, code_dim) of noise (N, code_dim, 2) and s."""
        return drawn_in_turn(PassInTurn(self.network), noise, condition, self.distribution_of_parts)

    def log_densities(self, scaled: Tensor, condition: Tensor | None) -> Tensor:
        """Log-density of each dimension of standardised codes, (N, code_dim)."""
        return ScalarMixtures.of(self.network(scaled, condition), self.distribution_of_parts).log_prob(scaled)
