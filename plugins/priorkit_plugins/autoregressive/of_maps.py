"""The autoregressive prior of maps."""

from typing import Literal

import torch
from torch import Tensor, nn

from priorkit.interfaces import CodeSpace
from priorkit_plugins.autoregressive.of_numbers import NumbersPrior, drawn_in_turn
from priorkit_plugins.autoregressive.scalar_mixtures import ScalarMixtures, spread_means
from priorkit_plugins.autoregressive.transformer import CausalTransformer
from priorkit_plugins.masked_network import MaskedNetwork, PassInTurn

__all__ = ["MapTransformerPrior"]


class MapTransformerPrior(NumbersPrior):
    """p(map) = prod_p prod_c p(channel c of place p | its channels before c, the places before p), or the same given s.

    Places (positions) are ordered row by row. A causal transformer sees the channels of all places before p; a masked
    network, the same at every place, models the channels of p in order, conditioned on the transformer's output.
    (Tschannen et al. 2024, GIVT, arXiv:2312.02116, model a place's channels jointly.) The density takes one pass of
    both networks; a sample takes one step of the transformer for each place, with cached keys and values.

    Args:
        codes: The maps' space, (C, H, W), of more than one place.
        transformer: The transformer over H * W places.
        network: The masked network over C dimensions, conditioned on the transformer's output; gives the mixture
            parameters of each channel.
        distribution: Distribution of a mixture's components.
    """

    def __init__(
        self,
        codes: CodeSpace,
        transformer: CausalTransformer,
        network: MaskedNetwork,
        *,
        distribution: Literal["logistic", "normal"] = "logistic",
    ) -> None:
        super().__init__(codes, takes_condition=transformer.prefix is not None, distribution=distribution)
        self.channels = codes.shape[0]
        self.transformer = transformer
        self.embedding = nn.Linear(self.channels, transformer.width)
        self.network = network
        spread_means(network.start)

    def drawn(self, noise: Tensor, condition: Tensor | None) -> Tensor:
        """Standardised maps (N, code_dim) of noise (N, code_dim, 2) and s."""
        network = PassInTurn(self.network)
        outputs, memory = self.transformer.begin(len(noise), condition)
        places: list[Tensor] = []
        for place, drawn_by in enumerate(self._places(noise).unbind(1)):
            if places:
                outputs, memory = self.transformer.go_on(self.embedding(places[-1]), place, memory)
            places.append(drawn_in_turn(network, drawn_by, outputs, self.distribution_of_parts))
        return torch.stack(places, dim=2).flatten(1)

    def log_densities(self, scaled: Tensor, condition: Tensor | None) -> Tensor:
        """Log-density of each channel of each place of standardised maps, (N, H * W, C)."""
        return self.mixtures(scaled, condition).log_prob(self._places(scaled))

    def mixtures(self, scaled: Tensor, condition: Tensor | None) -> ScalarMixtures:
        """What each channel of each place is drawn from, given those before it and s: (N, H * W, C) mixtures."""
        code = self._places(scaled)
        states = self.transformer(self.embedding(code[:, :-1]), condition)
        outputs = self.network(code.flatten(0, 1), states.flatten(0, 1))
        return ScalarMixtures.of(outputs.view(*code.shape, -1), self.distribution_of_parts)

    def _places(self, flat: Tensor) -> Tensor:
        """What numbers of maps (N, code_dim, ...) have, place after place: (N, H * W, C, ...)."""
        return flat.view(len(flat), self.channels, -1, *flat.shape[2:]).transpose(1, 2)
