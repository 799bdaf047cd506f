"""A mixture of Gaussians over codes."""

import math

import torch
from torch import Tensor, nn
from torch.distributions import MixtureSameFamily

from priorkit.interfaces import Learning, Prior
from priorkit_plugins.diagonal_mixture import DiagonalMixture, mixture_noise, picked_parts

__all__ = ["MixturePrior"]


class MixturePrior(Prior):
    """p(code) = sum_k w_k N(code; mean_k, diag(variance_k)).

    With a condition, component k belongs to class k: p(code | s) is a single Gaussian. Without a given s, classes are
    equally likely. Without a condition, a learned mixture also learns its weights, by the gradient of the density; the
    random choice of a sample's component has no gradient.

    Args:
        means: Initial means of the components, shape (K, code_dim).
        std: Initial standard deviation of every component and dimension, above 0.
        learned: Whether the mixture is trained together with the encoder; otherwise it is fixed.
        labelled: Whether the prior takes a condition s, one-hot (N, K).
    """

    has_density = True
    log_variances: Tensor
    means: Tensor
    logits: Tensor

    def __init__(self, means: Tensor, std: float, *, learned: bool = False, labelled: bool = False) -> None:
        super().__init__()
        self.clusters, self.code_dim = means.shape
        self.learning = Learning.LIKELIHOOD if learned else Learning.FIXED
        self.takes_condition = labelled
        start = {
            "means": means.clone(),
            "log_variances": torch.full_like(means, 2 * math.log(std)),
            "logits": torch.zeros(self.clusters),
        }
        for name, value in start.items():
            if learned and not (labelled and name == "logits"):
                self.register_parameter(name, nn.Parameter(value))
            else:
                self.register_buffer(name, value)

    def noise(self, n: int, *, generator: torch.Generator | None = None, device: torch.device | None = None) -> Tensor:
        """Shape (n, 1 + code_dim): a uniform number that picks the component, then standard normals."""
        return mixture_noise(n, self.code_dim, generator=generator, device=device)

    def forward(self, noise: Tensor, condition: Tensor | None = None) -> Tensor:
        """Codes (N, code_dim) from noise (N, 1 + code_dim): of the classes in s (N, K), or of the components picked."""
        picked = picked_parts(noise[:, 0], self._mixture.log_weights) if condition is None else condition.argmax(1)
        deviations = torch.exp(0.5 * self.log_variances.index_select(0, picked))
        return self.means.index_select(0, picked) + deviations * noise[:, 1:]

    def log_prob(self, code: Tensor, condition: Tensor | None = None) -> Tensor:
        """Log-density of codes (N, code_dim) in nats, shape (N,): given s (N, K), or of the whole mixture."""
        if condition is None:
            return self._mixture.log_prob(code)
        own = condition.argmax(1, keepdim=True)
        return self._mixture.parts_log_prob(code).gather(1, own).squeeze(1)

    def distribution(self) -> MixtureSameFamily:
        """The whole mixture, with event shape (code_dim,)."""
        return self._mixture.distribution()

    def responsibilities(self, code: Tensor) -> Tensor:
        """p(k | code) of codes (N, code_dim): shape (N, K)."""
        return self._mixture.responsibilities(code)

    @property
    def _mixture(self) -> DiagonalMixture:
        return DiagonalMixture(torch.log_softmax(self.logits, dim=0), self.means, self.log_variances)
