"""Autoregressive priors of numbers: what those of vectors and those of maps share."""

import abc
from typing import Literal

import torch
from torch import Tensor

from priorkit.interfaces import CodeSpace, Learning, Prior, Standardisation
from priorkit_plugins.autoregressive.scalar_mixtures import ScalarMixtures, standard_noise
from priorkit_plugins.masked_network import PassInTurn
from priorkit_plugins.single_precision import at_least_single, single_precision

__all__ = ["NumbersPrior", "drawn_in_turn"]


class NumbersPrior(Prior, abc.ABC):
    """p(code) = prod_i p(number i | the numbers before it), or the same given s; each factor is a mixture.

    The part of a mixture is picked by a uniform number, which gives the weights no gradient: that comes from the
    density.

    In a stage on codes, they are standardised. It is computed in float32, never in mixed precision.

    Args:
        codes: The codes' space: vectors or maps.
        takes_condition: Whether it is given s.
        distribution: Distribution of a mixture's parts.
    """

    learning = Learning.LIKELIHOOD
    has_density = True

    def __init__(self, codes: CodeSpace, *, takes_condition: bool, distribution: Literal["logistic", "normal"]) -> None:
        super().__init__()
        self.code_dim = codes.dim
        self.takes_condition = takes_condition
        self.distribution_of_parts = distribution
        self.standardisation = Standardisation(codes)

    @abc.abstractmethod
    def drawn(self, noise: Tensor, condition: Tensor | None) -> Tensor:
        """Standardised codes (N, code_dim) of noise (N, code_dim, 2) and s."""

    @abc.abstractmethod
    def log_densities(self, scaled: Tensor, condition: Tensor | None) -> Tensor:
        """Log-density of each number of standardised codes (N, code_dim), given those before it and s: N rows."""

    def noise(self, n: int, *, generator: torch.Generator | None = None, device: torch.device | None = None) -> Tensor:
        """Shape (n, code_dim, 2): for each number, a uniform one that picks the part, then the part's noise."""
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
            return self.standardisation.inverse(self.drawn(noise, self._exact(condition)))

    def log_prob(self, code: Tensor, condition: Tensor | None = None) -> Tensor:
        """Log-density of codes (N, code_dim) in nats, shape (N,), given s (N, condition_dim) if it takes one.

        Raises:
            ValueError: It takes a condition, and there is none.
        """
        self._require(condition)
        with single_precision(code.device):
            scaled = self.standardisation(at_least_single(code))
            each = self.log_densities(scaled, self._exact(condition))
            log_density: Tensor = each.flatten(1).sum(1) - self.standardisation.log_volume()
            return log_density

    def standardise(self, mean: Tensor, deviation: Tensor) -> None:
        """Sets the scale of the codes, whose means and deviations (code_dim,) are given."""
        self.standardisation.set(mean, deviation)

    def _exact(self, condition: Tensor | None) -> Tensor | None:
        return None if condition is None else condition.to(next(self.parameters()).dtype)

    def _require(self, condition: Tensor | None) -> None:
        if self.takes_condition and condition is None:
            raise ValueError(
                "a conditional autoregressive prior has a density for each s, but none over all s; use a condition "
                "that images bring with them (--condition labels, embedding or text), or --condition none"
            )


def drawn_in_turn(
    network: PassInTurn, noise: Tensor, condition: Tensor | None, distribution: Literal["logistic", "normal"]
) -> Tensor:
    """Numbers (N, D), each drawn from the mixture that a network gives from those before it.

    Args:
        network: The masked network, of D dimensions.
        noise: (N, D, 2): for each number, a uniform one that picks the part, then the part's noise.
        condition: What the network is conditioned on, (N, condition_dim), if it is.
        distribution: Distribution of a mixture's parts.
    """
    values: list[Tensor] = []
    outputs = network.outputs(len(noise), condition)
    found = next(outputs)
    for drawn_by in noise.unbind(1):
        if values:
            found = outputs.send(values[-1])
        values.append(ScalarMixtures.of(found, distribution).draw(*drawn_by.unbind(1)))
    return torch.stack(values, dim=1)
