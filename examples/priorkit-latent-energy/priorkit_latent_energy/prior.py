"""A prior with a learned energy, and the phase that trains it."""

from collections.abc import Iterator, Sequence

import torch
from priorkit.interfaces import Learning, Move, Noise, OptimizerSettings, Phase, Prior, System, frozen_statistics
from torch import Tensor, nn
from torch.nn.functional import softplus

__all__ = ["EnergyPhase", "LatentEnergyPrior"]


class LatentEnergyPrior(Prior):
    """p(code) proportional to exp(f(code)) N(code; 0, I) (Eq. 1 of Pang et al. 2020).

    f is a network with two hidden layers of softplus units. Codes are drawn by Langevin dynamics: a chain starts from
    noise, and each step follows the gradient of log p and adds noise (Eq. 8). The gradient is written out, so sampling
    needs no autograd.

    Args:
        code_dim: Dimensions of a code.
        hidden: Width of the hidden layers.
        steps: Steps of Langevin dynamics.
        step_size: Size s of a Langevin step.
        every: The energy is trained once every `every` steps.
        learning_rate: Learning rate of the energy.
    """

    learning = Learning.PHASES

    def __init__(
        self,
        code_dim: int,
        hidden: int = 128,
        *,
        steps: int = 20,
        step_size: float = 0.4,
        every: int = 1,
        learning_rate: float = 2e-5,
    ) -> None:
        super().__init__()
        self.code_dim = code_dim
        self.steps = steps
        self.step_size = step_size
        self.every = every
        self.learning_rate = learning_rate
        self.first = nn.Linear(code_dim, hidden)
        self.second = nn.Linear(hidden, hidden)
        # No bias: p does not depend on a constant in f.
        self.last = nn.Linear(hidden, 1, bias=False)

    def noise(self, n: int, *, generator: torch.Generator | None = None, device: torch.device | None = None) -> Tensor:
        """The starts of the chains, and the noise of their steps: standard normal (n, steps + 1, code_dim)."""
        return torch.randn(n, self.steps + 1, self.code_dim, generator=generator, device=device)

    def forward(self, noise: Tensor, condition: Tensor | None = None) -> Tensor:
        """Runs the chains of noise (N, steps + 1, code_dim); their ends are codes (N, code_dim)."""
        with torch.autocast(noise.device.type, enabled=False):
            code = noise[:, 0].float()
            for step in range(1, self.steps + 1):
                uphill = self._gradient(code) - code
                code = code + 0.5 * self.step_size**2 * uphill + self.step_size * noise[:, step].float()
            return code

    def negative_energy(self, code: Tensor) -> Tensor:
        """Returns f of codes (N, code_dim), float32 (N,)."""
        with torch.autocast(code.device.type, enabled=False):
            hidden = softplus(self.second(softplus(self.first(code.float()))))
            energy: Tensor = self.last(hidden).squeeze(1)
            return energy

    def _gradient(self, code: Tensor) -> Tensor:
        """Returns the gradient of f at codes (N, code_dim); the derivative of softplus is the sigmoid."""
        first = self.first(code)
        second = torch.sigmoid(self.second(softplus(first))) * self.last.weight
        return (second @ self.second.weight * torch.sigmoid(first)) @ self.first.weight

    def phases(self, system: System) -> Sequence[Phase]:
        """Returns the phase that trains the energy.

        Raises:
            ValueError: The system has no encoder.
        """
        if system.encoder is None:
            raise ValueError("learns from the codes of images; use --encoder gaussian")
        return [EnergyPhase(system, self)]


class EnergyPhase(Phase):
    """Raises f at the encoder's codes and lowers it at the prior's own (Eq. 9 of Pang et al. 2020).

    Args:
        system: The system that is trained.
        prior: Its prior.
    """

    name = "energy"

    def __init__(self, system: System, prior: LatentEnergyPrior) -> None:
        self.system = system
        self.prior = prior
        self.every = prior.every
        self.players = {"prior": ("prior",)}
        # The contrastive gradient is noisy: Adam without momentum, at a low learning rate.
        self.optimizers = {"prior": OptimizerSettings(learning_rate=prior.learning_rate, beta1=0.0)}

    def noise(self, n: int, generator: torch.Generator, device: torch.device) -> Noise:
        """The noise of the prior's codes, and of the encoder's codes if the encoder is stochastic."""
        noise = {"prior": self.prior.noise(n, generator=generator, device=device)}
        if self.system.encoder is not None and self.system.encoder.stochastic:
            noise["posterior"] = torch.randn(n, self.system.code_dim, generator=generator, device=device)
        return noise

    def moves(self, images: Tensor, noise: Noise) -> Iterator[Move]:
        """One move of the prior: the energy's gradient is a difference of two means."""
        assert self.system.encoder is not None, "the prior adds this phase only to systems with an encoder"
        with torch.no_grad(), frozen_statistics(self.system.encoder):
            encoded = self.system.encoder(images, noise.get("posterior")).code
            made = self.prior(noise["prior"])
        energy = self.prior.negative_energy
        yield Move("prior", {"contrast": energy(made).mean() - energy(encoded).mean()})
