"""The resampled prior: truncated rejection sampling with a learned acceptance."""

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from priorkit.interfaces import Learning, Prior
from priorkit_plugins.base_draws import BaseDraws, each_class
from priorkit_plugins.gaussian_base import GaussianBase, standard_log_prob
from priorkit_plugins.scalar_network import ScalarNetwork
from priorkit_plugins.single_precision import single_precision

__all__ = ["ResampledPrior"]

_AT_ONCE = 64
"""Number of proposals of each sample that the network evaluates at once, to limit memory."""
_LEAST, _MOST = 1e-6, 1 - 1e-6
"""Bounds on Z, so that Z and 1 - Z have finite logarithms."""


class ResampledPrior(Prior):
    """Draws of a normal distribution pi, accepted with the probability a(code); the T-th is always accepted.

    Its density is (1 - (1 - Z)^(T - 1)) / Z pi(code) a(code) + (1 - Z)^(T - 1) pi(code), Z the mean of a over pi (Bauer
    and Mnih 2019, arXiv:1810.11428, Section 3). a = sigmoid(f) for a network f of codes whitened by pi, which is
    learned as well. With a condition, s is a class, with its own a(code, s) and Z.

    Z is estimated. In evaluation mode, it is the mean over fixed draws of pi, so log_prob is deterministic; the
    relative error is at most 1 / sqrt(K Z) for K draws. In training, every pass uses the next part of these draws (by a
    counter, not a generator). They give Z its gradient; its value is a moving average over passes, which keeps the
    logarithm's bias small. The paper's estimate also uses the code itself, weighted by pi / q, but the posterior's
    density q is not known here.

    Args:
        base: pi.
        network: f.
        truncation: T, at least 1.
        draws: Draws of a pass in training.
        smoothing: Weight of a pass in the average of Z, in (0, 1].
        constant_draws: K.
    """

    learning = Learning.LIKELIHOOD
    has_density = True
    mean_acceptance: Tensor
    passes: Tensor

    def __init__(
        self,
        base: GaussianBase,
        network: ScalarNetwork,
        *,
        truncation: int = 100,
        draws: int = 1024,
        smoothing: float = 0.05,
        constant_draws: int = 16384,
    ) -> None:
        super().__init__()
        self.base = base
        self.network = network
        self.code_dim = network.code_dim
        self.takes_condition = network.condition_dim > 0
        self.truncation = truncation
        self.draws = draws
        self.smoothing = smoothing
        self.constant = BaseDraws(constant_draws, self.code_dim)
        self.register_buffer("mean_acceptance", torch.zeros(max(1, network.condition_dim)))
        # A tensor: saved with the run, and counted without waiting for the device.
        self.register_buffer("passes", torch.zeros((), dtype=torch.int64))

    def noise(self, n: int, *, generator: torch.Generator | None = None, device: torch.device | None = None) -> Tensor:
        """Shape (n, T, code_dim + 1): T proposals, each with a uniform number that decides its acceptance."""
        proposals = torch.randn(n, self.truncation, self.code_dim, generator=generator, device=device)
        uniform = torch.rand(n, self.truncation, 1, generator=generator, device=device)
        return torch.cat([proposals, uniform], dim=2)

    def forward(self, noise: Tensor, condition: Tensor | None = None) -> Tensor:
        """The first accepted proposals from noise (N, T, code_dim + 1), given s (N, classes): (N, code_dim).

        The choice gives the network no gradient; it learns from the density.

        Raises:
            ValueError: The prior takes a condition, but none is given.
        """
        self._require(condition)
        proposals, uniform = noise[:, :, :-1], noise[:, :, -1]
        with single_precision(noise.device):
            with torch.no_grad():
                values = [
                    self.network(part, None if condition is None else condition[:, None].expand(-1, part.shape[1], -1))
                    for part in torch.split(proposals, _AT_ONCE, dim=1)
                ]
                kept = uniform < torch.sigmoid(torch.cat(values, dim=1))
                # The index of the first accepted proposal is the number of proposals before it, at most T - 1.
                first = (kept[:, :-1].cumsum(dim=1) == 0).sum(dim=1)
            index = first[:, None, None].expand(-1, 1, self.code_dim)
            return self.base.colour(proposals.gather(1, index).squeeze(1))

    def log_prob(self, code: Tensor, condition: Tensor | None = None) -> Tensor:
        """Log-density of codes (N, code_dim) in nats, shape (N,), given classes s (N, classes) if used.

        Raises:
            ValueError: The prior takes a condition, but none is given.
        """
        self._require(condition)
        with single_precision(code.device):
            white = self.base.whiten(code)
            mean = self._smoothed() if self.training and torch.is_grad_enabled() else self.acceptance_rate()
            mean = mean.clamp(_LEAST, _MOST)
            if condition is not None:
                mean = mean.index_select(0, condition.argmax(1))
            log_none = (self.truncation - 1) * torch.log1p(-mean)
            accepted = logsigmoid(self.network(white, condition)) - mean.log()
            if self.truncation > 1:
                log_factor = torch.logaddexp(accepted + torch.log(-torch.expm1(log_none)), log_none)
            else:
                log_factor = torch.zeros_like(accepted)
            return standard_log_prob(white) + self.base.log_volume() + log_factor

    def acceptance_rate(self) -> Tensor:
        """Z, estimated from all fixed draws: for every class (classes,), or (1,)."""
        with single_precision(self.constant.draws.device):
            return torch.sigmoid(self.constant.values(self.network)).mean(dim=0)

    def standardise(self, mean: Tensor, deviation: Tensor) -> None:
        """Sets the scale of the codes by their means and deviations (code_dim,)."""
        self.base.standardisation.set(mean, deviation)

    def _smoothed(self) -> Tensor:
        """Z with the value of the average over passes, and the gradient of this pass's draws."""
        drawn = self.constant.part(self.passes * self.draws, self.draws)
        now = torch.sigmoid(each_class(self.network, drawn)).mean(dim=0)
        with torch.no_grad():
            # A plain average at first, until the moving average has enough passes.
            weight = torch.clamp(1 / (1 + self.passes), min=self.smoothing)
            average = torch.lerp(self.mean_acceptance, now, weight)
            self.mean_acceptance.copy_(average)
            self.passes.add_(1)
        return average + now - now.detach()

    def _require(self, condition: Tensor | None) -> None:
        if self.takes_condition and condition is None:
            raise ValueError(
                "a conditional resampled prior has codes and a density for each class, but none over all; use a "
                "condition that images bring with them (--condition labels), or --condition none"
            )
