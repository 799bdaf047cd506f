"""Samplers of a reweighted standard normal distribution: deterministic functions of noise."""

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from priorkit_plugins.langevin import langevin
from priorkit_plugins.scalar_network import ScalarNetwork

__all__ = ["ImportanceResampling", "Langevin", "Sampler"]

_AT_ONCE = 64
"""Number of candidates of each sample that a network evaluates at once, to limit memory."""


class Sampler(Protocol):
    """From noise to draws of a density proportional to N(w; 0, I) exp(f(w, s))."""

    def noise(
        self, n: int, code_dim: int, generator: torch.Generator | None = None, device: torch.device | None = None
    ) -> Tensor:
        """The randomness of `n` draws, float32 (n, ...)."""
        ...

    def draw(self, network: ScalarNetwork, noise: Tensor, condition: Tensor | None) -> Tensor:
        """Draws (n, code_dim) from noise (n, ...) and s (n, condition_dim)."""
        ...


@dataclass(frozen=True)
class ImportanceResampling:
    """A uniform number picks one of M candidates from N(0, I), each with a probability proportional to exp(f).

    With more candidates, the samples' distribution gets closer to the density; with M far below the largest ratio
    exp(f) / Z, it stays close to N(0, I).

    Attributes:
        candidates: M, at least 1.
    """

    candidates: int

    def noise(
        self, n: int, code_dim: int, generator: torch.Generator | None = None, device: torch.device | None = None
    ) -> Tensor:
        """Shape (n, 1 + M code_dim): a uniform number, then the candidates."""
        uniform = torch.rand(n, 1, generator=generator, device=device)
        candidates = torch.randn(n, self.candidates * code_dim, generator=generator, device=device)
        return torch.cat([uniform, candidates], dim=1)

    def draw(self, network: ScalarNetwork, noise: Tensor, condition: Tensor | None) -> Tensor:
        """The picked candidates; the choice gives the network no gradient."""
        candidates = noise[:, 1:].view(len(noise), self.candidates, -1)
        with torch.no_grad():
            values = [
                network(part, None if condition is None else condition[:, None].expand(-1, part.shape[1], -1))
                for part in torch.split(candidates, _AT_ONCE, dim=1)
            ]
            bounds = torch.cat(values, dim=1).softmax(dim=1).cumsum(dim=1)
            # The last bound is 1 only up to rounding, so a number could exceed it.
            picked = (noise[:, :1] >= bounds[:, :-1]).sum(dim=1)
        index = picked[:, None, None].expand(-1, 1, candidates.shape[2])
        return candidates.gather(1, index).squeeze(1)


@dataclass(frozen=True)
class Langevin:
    """Langevin dynamics from N(0, I).

    Attributes:
        steps: Number of steps, at least 1.
        step_size: Size of a step, above 0.
    """

    steps: int
    step_size: float

    def noise(
        self, n: int, code_dim: int, generator: torch.Generator | None = None, device: torch.device | None = None
    ) -> Tensor:
        """Shape (n, steps + 1, code_dim)."""
        return torch.randn(n, self.steps + 1, code_dim, generator=generator, device=device)

    def draw(self, network: ScalarNetwork, noise: Tensor, condition: Tensor | None) -> Tensor:
        """The ends of chains."""
        return langevin(lambda white: network.gradient(white, condition), noise, self.step_size)
