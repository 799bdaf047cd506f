"""A von Mises-Fisher distribution, or a mixture of several, fixed or learned."""

import math

import torch
from torch import Tensor, nn
from torch.distributions import Distribution

from priorkit.interfaces import Learning, Prior
from priorkit_plugins.single_precision import at_least_single, single_precision
from priorkit_plugins.von_mises_fisher.distributions import SPHERE, VonMisesFisher, directions

__all__ = ["VonMisesFisherPrior"]


class VonMisesFisherPrior(Prior):
    """p(code) = sum_k w_k vMF(code; direction_k, concentration_k) on the unit sphere.

    Mixtures of von Mises-Fisher distributions are those of Banerjee et al. 2005 (JMLR 6), fitted here by gradients of
    the likelihood. A single fixed component has its mean direction along the first axis.

    Args:
        code_dim: Dimensions of a code, at least 2.
        components: Number of components, at least 1.
        concentration: Concentration of every component, above 0; the initial one if learned.
        learned: Whether directions, concentrations and weights learn by likelihood. Initial directions are random.
    """

    vectors: Tensor
    log_concentrations: Tensor
    logits: Tensor
    has_density = True
    support = SPHERE

    def __init__(
        self, code_dim: int, components: int = 1, concentration: float = 10.0, *, learned: bool = False
    ) -> None:
        super().__init__()
        self.code_dim = code_dim
        self.clusters = components if components > 1 else 0
        self.learning = Learning.LIKELIHOOD if learned else Learning.FIXED
        first = torch.eye(code_dim)[:1]
        start = {
            "vectors": directions(torch.randn(components, code_dim)) if components > 1 or learned else first,
            "log_concentrations": torch.full((components,), math.log(concentration)),
            "logits": torch.zeros(components),
        }
        for name, value in start.items():
            # One component has all the weight.
            if learned and (name != "logits" or components > 1):
                self.register_parameter(name, nn.Parameter(value))
            else:
                self.register_buffer(name, value)

    def noise(self, n: int, *, generator: torch.Generator | None = None, device: torch.device | None = None) -> Tensor:
        """Shape (n, 1 + code_dim): a uniform number that picks a component, then standard normal numbers."""
        picks = torch.rand(n, 1, generator=generator, device=device)
        return torch.cat([picks, torch.randn(n, self.code_dim, generator=generator, device=device)], dim=1)

    def forward(self, noise: Tensor, condition: Tensor | None = None) -> Tensor:
        """Turns noise (N, 1 + code_dim) into codes (N, code_dim)."""
        with single_precision(noise.device):
            noise = at_least_single(noise)
            picked = (noise[:, :1] > self.logits.softmax(0).cumsum(0)[:-1]).sum(1)
            chosen = VonMisesFisher(
                directions(self.vectors).index_select(0, picked),
                self.log_concentrations.exp().index_select(0, picked),
            )
            return chosen.draw(noise[:, 1:])[0]

    def log_prob(self, code: Tensor, condition: Tensor | None = None) -> Tensor:
        """Log-density of codes (N, code_dim) in nats, shape (N,); minus infinity outside the sphere."""
        with single_precision(code.device):
            code = at_least_single(code)
            found = self._joint(code).logsumexp(1)
            return torch.where(SPHERE.contains(code, tolerance=0.02), found, -torch.inf)

    def responsibilities(self, code: Tensor) -> Tensor:
        """p(component | code) for codes (N, code_dim): shape (N, components).

        Raises:
            TypeError: There is only one component.
        """
        if not self.clusters:
            return super().responsibilities(code)
        with single_precision(code.device):
            return self._joint(at_least_single(code)).softmax(1)

    def distribution(self) -> Distribution:
        """This prior as a distribution with batch shape (1,) and event shape (code_dim,), if it has one component.

        Raises:
            TypeError: It is a mixture.
        """
        return super().distribution() if self.clusters else self._components()

    def _joint(self, code: Tensor) -> Tensor:
        """Log w_k + log vMF_k(code) of codes on the sphere (N, code_dim): shape (N, components)."""
        parts = self._components()
        return self.logits.log_softmax(0) + parts.at_height(code @ parts.direction.T - 1)

    def _components(self) -> VonMisesFisher:
        """All components, of batch shape (components,)."""
        return VonMisesFisher(directions(self.vectors), self.log_concentrations.exp())
