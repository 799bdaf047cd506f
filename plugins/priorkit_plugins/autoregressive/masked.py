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

    Each factor is a mixture whose weights, means and scales a masked autoencoder computes from the dimensions before d
    (Germain et al. 2015, arXiv:1502.03509). Both density and sample take one pass of the network; sampling computes
    hidden units in the order of the dimensions that they depend on.

    Args:
        network: From codes and s to the mixture parameters of each dimension.
        distribution: Distribution of a mixture's components.
    """

    def __init__(self, network: MaskedNetwork, *, distribution: Literal["logistic", "normal"] = "logistic") -> None:
        super().__init__(
            CodeSpace((network.code_dim,)), takes_condition=network.condition_dim > 0, distribution=distribution
        )
        self.network = network
        spread_means(network.start)

    def drawn(self, noise: Tensor, condition: Tensor | None) -> Tensor:
        """Turns noise (N, code_dim, 2) and s into standardised codes (N, code_dim)."""
        return drawn_in_turn(PassInTurn(self.network), noise, condition, self.distribution_of_parts)

    def log_densities(self, scaled: Tensor, condition: Tensor | None) -> Tensor:
        """Log-density of each dimension of standardised codes, (N, code_dim)."""
        return ScalarMixtures.of(self.network(scaled, condition), self.distribution_of_parts).log_prob(scaled)
