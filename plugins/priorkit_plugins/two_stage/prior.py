"""A VAE on codes as their prior."""

import math
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor, nn

from priorkit.interfaces import CodeSpace, Learning, Prior, Standardisation
from priorkit_plugins.fully_connected import hidden_layers
from priorkit_plugins.single_precision import at_least_single, single_precision

__all__ = ["TwoStagePrior"]


_LARGEST = 20.0
"""Bound on the posterior's log-variances: without it, codes far from all others would overflow."""


class _Network(nn.Module):
    """Hidden layers; the last also gets the input (as in the published code of Dai and Wipf 2019)."""

    def __init__(self, inputs: int, outputs: int, hidden: int, layers: int) -> None:
        super().__init__()
        self.body = nn.Sequential(*hidden_layers(inputs, [hidden] * layers))
        self.head = nn.Linear(inputs + hidden, outputs)

    def forward(self, *seen: Tensor | None) -> Tensor:
        inputs = torch.cat([part for part in seen if part is not None], dim=1)
        output: Tensor = self.head(torch.cat([inputs, self.body(inputs).to(inputs)], dim=1))
        return output


class TwoStagePrior(Prior):
    """p(code) = integral of N(code; g(u), gamma^2 I) N(u; 0, I) over u, learned with a posterior q(u | code).

    If the codes of a VAE do not follow N(0, I), a second VAE is trained on these codes (Dai and Wipf 2019,
    arXiv:1903.05789, Section 4). Its codes u may have as many dimensions as the codes, so that no information is lost;
    gamma is learned. It minimises the negative ELBO of the codes, in nats; its density is an intractable integral.

    In a stage on codes, codes are standardised, since gamma is the same for all dimensions.

    Args:
        codes: The space of the codes.
        condition_dim: Dimensions of the condition s, an input of encoder and decoder; 0 for none.
        latent_dim: Dimensions of u.
        hidden: Width of the hidden layers.
        layers: Number of hidden layers, at least 1.
        observation_noise: Whether to add noise of deviation gamma to samples.
        fits: Number of updates on the codes of a batch.
    """

    learning = Learning.CODES

    def __init__(
        self,
        codes: CodeSpace,
        condition_dim: int = 0,
        *,
        latent_dim: int,
        hidden: int = 512,
        layers: int = 3,
        observation_noise: bool = True,
        fits: int = 1,
    ) -> None:
        super().__init__()
        self.code_dim = codes.dim
        self.latent_dim = latent_dim
        self.takes_condition = condition_dim > 0
        self.observation_noise = observation_noise
        self.code_steps = fits
        self.standardisation = Standardisation(codes)
        self.encoder = _Network(codes.dim + condition_dim, 2 * latent_dim, hidden, layers)
        self.decoder = _Network(latent_dim + condition_dim, codes.dim, hidden, layers)
        self.log_gamma = nn.Parameter(torch.zeros(()))

    def noise(self, n: int, *, generator: torch.Generator | None = None, device: torch.device | None = None) -> Tensor:
        """Draws u ~ N(0, I), and the noise of the codes if used: shape (n, latent_dim + code_dim or 0)."""
        dim = self.latent_dim + (self.code_dim if self.observation_noise else 0)
        return torch.randn(n, dim, generator=generator, device=device)

    def forward(self, noise: Tensor, condition: Tensor | None = None) -> Tensor:
        """Turns noise, as `noise` returns it, and s (N, condition_dim) if used, into codes (N, code_dim)."""
        with self._precision(noise.device):
            code = self.decoder(noise[:, : self.latent_dim], condition).to(noise)
        if self.observation_noise:
            code = code + self.log_gamma.exp() * noise[:, self.latent_dim :]
        return self.standardisation.inverse(code)

    def _precision(self, device: torch.device) -> AbstractContextManager[object]:
        # In training, the networks may be computed in the run's mixed precision.
        return nullcontext() if self.training else single_precision(device)

    def standardise(self, mean: Tensor, deviation: Tensor) -> None:
        """Sets the scale of the codes by their means and deviations (code_dim,)."""
        self.standardisation.set(mean, deviation)

    def code_noise(
        self, n: int, *, generator: torch.Generator | None = None, device: torch.device | None = None
    ) -> Tensor:
        """Draws N(0, I) numbers for the posterior, shape (n, latent_dim)."""
        return torch.randn(n, self.latent_dim, generator=generator, device=device)

    def code_loss(self, code: Tensor, noise: Tensor, condition: Tensor | None = None) -> Tensor:
        """The negative ELBO of codes (N, code_dim) in nats: an upper bound of their mean -log p(code)."""
        scaled: Tensor = self.standardisation(at_least_single(code))
        with self._precision(code.device):
            mean, log_variance = self.encoder(scaled, condition).to(scaled).chunk(2, dim=1)
            log_variance = log_variance.clamp(-_LARGEST, _LARGEST)
            latent = mean + torch.exp(0.5 * log_variance) * noise.to(scaled)
            found = self.decoder(latent, condition).to(scaled)
        divergence = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(1)
        errors = 0.5 * (found - scaled).square().sum(1) * torch.exp(-2 * self.log_gamma)
        constant = self.code_dim * (self.log_gamma + 0.5 * math.log(2 * math.pi)) + self.standardisation.log_volume()
        bound: Tensor = (errors + divergence).mean() + constant
        return bound
