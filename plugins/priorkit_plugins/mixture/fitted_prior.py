"""A mixture of Gaussians fitted to all codes at once."""

import torch
from torch import Tensor
from torch.distributions import MixtureSameFamily

from priorkit.interfaces import Learning, Prior
from priorkit_plugins.diagonal_mixture import DiagonalMixture, mixture_noise
from priorkit_plugins.mixture.expectation_maximisation import fit_mixture
from priorkit_plugins.mixture.full_mixture import FullMixture
from priorkit_plugins.single_precision import single_precision

__all__ = ["FittedMixturePrior"]

_CHUNK = 1024
"""Number of codes made at once: with full covariances, each needs its own matrix."""


class FittedMixturePrior(Prior):
    """p(code) = sum_k w_k N(code; m_k, C_k) by EM (Ghosh et al. 2020, Section 4), or p(code | s) for each class s.

    With classes, each class has K separate components, and p(code) weights classes by their frequencies among the
    codes. Before the fit, components have the given means and standard deviation.

    Args:
        means: Initial means of the components, class by class, shape (max(classes, 1) * K, code_dim).
        std: Initial standard deviation of every component and dimension, above 0.
        classes: Number of classes of the condition s, one-hot; 0 for none.
        full: Whether components have covariances between dimensions.
        ridge: Added to every variance, as a share of the codes' mean variance; at least 0.
        iterations: Maximal number of iterations of EM.
    """

    learning = Learning.ALL_CODES
    has_density = True
    shares: Tensor
    log_weights: Tensor
    means: Tensor
    scales: Tensor

    def __init__(
        self,
        means: Tensor,
        std: float,
        classes: int = 0,
        *,
        full: bool = True,
        ridge: float = 1e-4,
        iterations: int = 100,
    ) -> None:
        super().__init__()
        self.clusters, self.code_dim = means.shape
        self.takes_condition = classes > 0
        self.full, self.ridge, self.iterations = full, ridge, iterations
        sets = max(classes, 1)
        each = self.clusters // sets
        self.register_buffer("shares", torch.full((sets,), 1 / sets))
        self.register_buffer("log_weights", torch.full((sets, each), 1 / each).log())
        self.register_buffer("means", means.clone())
        deviations = torch.full_like(means, std)
        # Cholesky factors of the covariances, or standard deviations.
        self.register_buffer("scales", torch.diag_embed(deviations) if full else deviations)

    def code_noise(
        self, n: int, *, generator: torch.Generator | None = None, device: torch.device | None = None
    ) -> Tensor:
        """Shape (n, 1): uniform numbers, the first of which seeds EM."""
        return torch.rand(n, 1, generator=generator, device=device)

    def fit_codes(self, code: Tensor, noise: Tensor, condition: Tensor | None = None) -> None:
        """Fits the components to codes (M, code_dim), or those of each class to the codes of that class.

        Raises:
            ValueError: There are fewer codes than components, or some component's covariance is singular.
        """
        sets, each = self.log_weights.shape
        of_class = None if condition is None else condition.argmax(1)
        for number in range(sets):
            own = code if of_class is None else code[of_class == number]
            whose = "" if of_class is None else f" of class {number}"
            fitted = fit_mixture(
                own,
                each,
                whose=whose,
                full=self.full,
                ridge=self.ridge,
                iterations=self.iterations,
                seed=int(float(noise[0, 0]) * 2**24) + number,
            )
            part = slice(number * each, (number + 1) * each)
            self.shares[number] = len(own) / len(code)
            self.log_weights[number] = fitted.weights.log().to(self.log_weights)
            self.means[part] = fitted.means.to(self.means)
            self.scales[part] = fitted.scales.to(self.scales)

    def noise(self, n: int, *, generator: torch.Generator | None = None, device: torch.device | None = None) -> Tensor:
        """Shape (n, 1 + code_dim): a uniform number that picks the component, then standard normals."""
        return mixture_noise(n, self.code_dim, generator=generator, device=device)

    def forward(self, noise: Tensor, condition: Tensor | None = None) -> Tensor:
        """Codes (N, code_dim) from noise (N, 1 + code_dim): of the classes in s (N, classes), or of all of them."""
        weights = self._log_weights_of_all().exp().expand(len(noise), -1)
        if condition is not None:
            own = condition.repeat_interleave(self.log_weights.shape[1], dim=1)
            weights = own * self.log_weights.exp().flatten()
        bounds = weights.cumsum(1)
        # The sum may round to less than 1, and then a component of weight 0 would be picked.
        picked = (noise[:, :1] * bounds[:, -1:] >= bounds).sum(1).clamp(max=self.clusters - 1)
        with single_precision(noise.device):
            return self.means.index_select(0, picked) + self._spread(picked, noise[:, 1:])

    def _spread(self, picked: Tensor, normal: Tensor) -> Tensor:
        if torch.compiler.is_compiling():
            # An exported graph for batches of any size has no fixed number of chunks.
            return self._scaled(picked, normal)
        chunks = zip(torch.split(picked, _CHUNK), torch.split(normal, _CHUNK), strict=True)
        return torch.cat([self._scaled(*chunk) for chunk in chunks])

    def _scaled(self, picked: Tensor, normal: Tensor) -> Tensor:
        scales = self.scales.index_select(0, picked)
        return torch.einsum("nij,nj->ni", scales, normal) if self.full else scales * normal

    def log_prob(self, code: Tensor, condition: Tensor | None = None) -> Tensor:
        """Log-density of codes (N, code_dim) in nats, shape (N,): given s (N, classes), or over all s."""
        if condition is None:
            return self._mixture.log_prob(code)
        with single_precision(code.device):
            parts = self._mixture.parts_log_prob(code).view(-1, *self.log_weights.shape)
            own = condition.argmax(1, keepdim=True)
            return torch.logsumexp(parts + self.log_weights, dim=2).gather(1, own).squeeze(1)

    def distribution(self) -> MixtureSameFamily:
        """The whole mixture, with event shape (code_dim,)."""
        return self._mixture.distribution()

    def responsibilities(self, code: Tensor) -> Tensor:
        """p(k | code) of codes (N, code_dim), for the components of all classes: shape (N, clusters)."""
        return self._mixture.responsibilities(code)

    def _log_weights_of_all(self) -> Tensor:
        return (self.log_weights + self.shares.log()[:, None]).flatten()

    @property
    def _mixture(self) -> DiagonalMixture | FullMixture:
        if self.full:
            return FullMixture(self._log_weights_of_all(), self.means, self.scales)
        return DiagonalMixture(self._log_weights_of_all(), self.means, 2 * self.scales.log())
