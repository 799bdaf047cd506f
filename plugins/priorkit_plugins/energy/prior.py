"""The energy-based prior, for codes of a frozen encoder."""

import torch
from torch import Tensor

from priorkit.interfaces import Learning, Prior
from priorkit_plugins.gaussian_base import GaussianBase
from priorkit_plugins.langevin import langevin
from priorkit_plugins.scalar_network import ScalarNetwork
from priorkit_plugins.single_precision import single_precision

__all__ = ["EnergyPrior"]


class EnergyPrior(Prior):
    """Codes are the ends of short Langevin chains for p(code) ~ exp(f(code)) p0(code), or exp(f(code, s)) p0(code).

    The model is that of Pang et al. 2020 (Eq. 1, arXiv:2006.08205), with a normal distribution p0. f is learned from
    the encoder's codes: the log-likelihood's gradient is that of the mean of f over codes minus its mean over draws of
    the model, which are approximated by chains of a few steps from p0 (as in their Eq. 9). p0 is fitted to the codes by
    likelihood at the same time. f is a function of codes whitened by p0.

    Sampling uses chains of the same length as training, which makes the ends of such chains resemble the codes. The
    ends do not follow the density exp(f) p0, and their own density cannot be computed.

    Args:
        base: p0.
        network: f, a function of whitened codes and s.
        steps: Steps of Langevin dynamics, at least 1.
        step_size: Size of a Langevin step.
        decay: Weight of the mean square of f in the loss (Du and Mordatch 2019, arXiv:1903.08689, Section 3).
    """

    learning = Learning.CODES

    def __init__(
        self,
        base: GaussianBase,
        network: ScalarNetwork,
        *,
        steps: int = 20,
        step_size: float = 0.4,
        decay: float = 0.01,
    ) -> None:
        super().__init__()
        self.base = base
        self.network = network
        self.code_dim = network.code_dim
        self.takes_condition = network.condition_dim > 0
        self.steps = steps
        self.step_size = step_size
        self.decay = decay

    def noise(self, n: int, *, generator: torch.Generator | None = None, device: torch.device | None = None) -> Tensor:
        """The start of a chain, and the noise of its steps: standard normal (n, steps + 1, code_dim)."""
        return torch.randn(n, self.steps + 1, self.code_dim, generator=generator, device=device)

    def forward(self, noise: Tensor, condition: Tensor | None = None) -> Tensor:
        """Runs chains with noise (N, steps + 1, code_dim), and s (N, condition_dim): their ends, (N, code_dim)."""
        with single_precision(noise.device):
            return self.base.colour(self._ends(noise, condition))

    def negative_energy(self, code: Tensor, condition: Tensor | None = None) -> Tensor:
        """The function f of codes (N, code_dim), given s (N, condition_dim) if used: float32 (N,)."""
        with single_precision(code.device):
            found: Tensor = self.network(self.base.whiten(code), condition)
            return found

    def standardise(self, mean: Tensor, deviation: Tensor) -> None:
        """Sets the scale of the codes by their means and deviations (code_dim,)."""
        self.base.standardisation.set(mean, deviation)

    def code_noise(
        self, n: int, *, generator: torch.Generator | None = None, device: torch.device | None = None
    ) -> Tensor:
        """The noise of a chain for each code: shape (n, steps + 1, code_dim)."""
        return self.noise(n, generator=generator, device=device)

    def code_loss(self, code: Tensor, noise: Tensor, condition: Tensor | None = None) -> Tensor:
        """The contrast of f between chains' ends and codes (N, code_dim), its mean square, and the base's -log p0."""
        with single_precision(code.device):
            fit = -self.base.log_prob(code).mean()
            with torch.no_grad():
                white, ends = self.base.whiten(code), self._ends(noise, condition)
            there, drawn = self.network(white, condition), self.network(ends, condition)
            size = there.square().mean() + drawn.square().mean()
            loss: Tensor = drawn.mean() - there.mean() + self.decay * size + fit
            return loss

    def _ends(self, noise: Tensor, condition: Tensor | None) -> Tensor:
        return langevin(lambda white: self.network.gradient(white, condition), noise, self.step_size)
