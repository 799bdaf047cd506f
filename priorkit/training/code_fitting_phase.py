"""The code fitting phase: a prior learns the codes of a trained autoencoder."""

from collections.abc import Iterator

import torch
from torch import Tensor

from priorkit.interfaces import CodeKind, Learning, Move, Noise, Phase, System

__all__ = ["CodeFittingPhase"]


class CodeFittingPhase(Phase):
    """Fits a prior to the aggregated posterior of an autoencoder that stands still (Ghosh et al. 2020, Section 4).

    A prior that learns from codes descends its own loss on them; one that learns by likelihood, minus its log-density.
    Where the encoder's posteriors are normal, codes are drawn from them anew in every step.

    Args:
        system: The components; the prior learns from codes or by likelihood.
    """

    name = "code_fitting"

    def __init__(self, system: System) -> None:
        assert system.encoder is not None, "codes come from an encoder"
        assert system.prior.learning in (Learning.CODES, Learning.LIKELIHOOD), "the prior must learn from codes"
        self.system = system
        self.encoder = system.encoder
        self.players = {"prior": ("prior",)}

    @property
    def _steps(self) -> int:
        """How often the prior is trained on a batch of codes."""
        prior = self.system.prior
        return prior.code_steps if prior.learning is Learning.CODES else 1

    def noise(self, n: int, generator: torch.Generator, device: torch.device) -> Noise:
        """`matching-K` (n, ...) for each step of a prior that learns from codes, and `posterior` (n, code_dim)."""
        noise: dict[str, Tensor] = {}
        if self.system.prior.learning is Learning.CODES:
            for step in range(self._steps):
                noise[f"matching-{step}"] = self.system.prior.code_noise(n, generator=generator, device=device)
        if self.encoder.stochastic:
            noise["posterior"] = torch.randn(n, self.encoder.code_dim, generator=generator, device=device)
        return noise

    def moves(self, images: Tensor, noise: Noise) -> Iterator[Move]:
        """As many moves of the prior as it asks for.

        Args:
            images: In their place, the posteriors that are kept: (N, 1, code_dim) codes or indices, or (N, 2, code_dim)
                means and log-variances.
            noise: As `noise` gives it, and `condition` where images bring one.
        """
        prior, code = self.system.prior, images[:, 0]
        if self.system.codes.kind is CodeKind.INDICES:
            code = code.long()
        elif images.shape[1] > 1:
            code = code + torch.exp(0.5 * images[:, 1]) * noise["posterior"]
        condition = noise.get("condition") if prior.takes_condition else None
        for step in range(self._steps):
            if prior.learning is Learning.CODES:
                yield Move("prior", {"codes": prior.code_loss(code, noise[f"matching-{step}"], condition)})
                continue
            density = prior.log_prob(code, condition) if prior.takes_condition else prior.log_prob(code)
            terms = {"codes": -density.mean()}
            parameter_loss = prior.parameter_loss()
            yield Move("prior", terms if parameter_loss is None else {**terms, "prior": parameter_loss})
