"""The noise contrastive prior."""

import math

import torch
from torch import Tensor
from torch.nn.functional import softplus

from priorkit.interfaces import Learning, Prior
from priorkit_plugins.base_draws import BaseDraws
from priorkit_plugins.gaussian_base import GaussianBase, standard_log_prob
from priorkit_plugins.noise_contrastive.samplers import Sampler
from priorkit_plugins.scalar_network import ScalarNetwork
from priorkit_plugins.single_precision import single_precision

__all__ = ["NoiseContrastivePrior"]


class NoiseContrastivePrior(Prior):
    """p(code) = p0(code) r(code) / Z, or r(code, s): p0 is normal, and a classifier learns r (Aneja et al. 2021).

    The optimal classifier between codes and draws of p0 has the logit log q(code) - log p0(code), where q is the
    distribution of the codes; r is the exponential of the logit (Eqs. 4 and 5 there, arXiv:2010.02917). p0 is fitted to
    the codes by likelihood at the same time. The classifier takes codes whitened by p0.

    Z is the mean of r over fixed draws of p0, so log_prob is deterministic. Its relative error is about sqrt((E[r^2] /
    Z^2 - 1) / K), E the expectation over p0 and K the number of draws; by Jensen's inequality, densities are rather
    over- than underestimated. There is a Z for each class if s is a class; with any other s, there is no density.

    Args:
        base: p0.
        network: The classifier's logit, a function of whitened codes and s.
        sampler: The method of sampling.
        constant_draws: K.
        classes: Number of classes if s is a one-hot class; otherwise 0.
    """

    learning = Learning.CODES

    def __init__(
        self,
        base: GaussianBase,
        network: ScalarNetwork,
        sampler: Sampler,
        *,
        constant_draws: int = 16384,
        classes: int = 0,
    ) -> None:
        super().__init__()
        self.base = base
        self.network = network
        self.sampler = sampler
        self.code_dim = network.code_dim
        self.takes_condition = network.condition_dim > 0
        self.has_density = network.condition_dim == classes
        self.constant = BaseDraws(constant_draws if self.has_density else 1, self.code_dim)

    def noise(self, n: int, *, generator: torch.Generator | None = None, device: torch.device | None = None) -> Tensor:
        """The sampler's noise, shape (n, ...)."""
        return self.sampler.noise(n, self.code_dim, generator, device)

    def forward(self, noise: Tensor, condition: Tensor | None = None) -> Tensor:
        """Turns noise (N, ...), and s (N, condition_dim) if used, into codes (N, code_dim).

        Raises:
            ValueError: The prior takes a condition, but none is given.
        """
        self._require(condition)
        with single_precision(noise.device):
            return self.base.colour(self.sampler.draw(self.network, noise, condition))

    def log_prob(self, code: Tensor, condition: Tensor | None = None) -> Tensor:
        """Log-density of codes (N, code_dim) in nats, shape (N,), given classes s (N, classes) if used.

        Raises:
            TypeError: The condition is not a class.
            ValueError: The prior takes a condition, but none is given.
        """
        if not self.has_density:
            raise TypeError(f"{type(self).__name__} has no density given an s that is not a class")
        self._require(condition)
        with single_precision(code.device):
            white = self.base.whiten(code)
            constant = self.log_constant()
            own = constant if condition is None else constant.index_select(0, condition.argmax(1))
            log_ratio: Tensor = self.network(white, condition) - own
            return standard_log_prob(white) + self.base.log_volume() + log_ratio

    def log_constant(self) -> Tensor:
        """The estimate of log Z in nats: for every class (classes,), or (1,)."""
        with single_precision(self.constant.draws.device):
            values = self.constant.values(self.network)
            return torch.logsumexp(values, dim=0) - math.log(len(values))

    def standardise(self, mean: Tensor, deviation: Tensor) -> None:
        """Sets the scale of the codes by their means and deviations (code_dim,)."""
        self.base.standardisation.set(mean, deviation)

    def code_noise(
        self, n: int, *, generator: torch.Generator | None = None, device: torch.device | None = None
    ) -> Tensor:
        """A draw of N(0, I) for each code: shape (n, code_dim)."""
        return torch.randn(n, self.code_dim, generator=generator, device=device)

    def code_loss(self, code: Tensor, noise: Tensor, condition: Tensor | None = None) -> Tensor:
        """The classifier's loss between codes (N, code_dim) and draws of the base, and the base's -log p0."""
        with single_precision(code.device):
            white = self.base.whiten(code)
            fit = -(standard_log_prob(white) + self.base.log_volume()).mean()
            real, drawn = self.network(white.detach(), condition), self.network(noise, condition)
            classifier: Tensor = softplus(-real).mean() + softplus(drawn).mean()
            return classifier + fit

    def _require(self, condition: Tensor | None) -> None:
        if self.takes_condition and condition is None:
            raise ValueError(
                "a conditional noise contrastive prior has codes and a density for each s, but none over all s; use "
                "a condition that comes from the data (--condition labels or embedding), or --condition none"
            )
