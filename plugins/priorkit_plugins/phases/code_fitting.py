"""The code fitting phases: train a prior on the codes of a frozen autoencoder."""

from collections.abc import Iterator

import torch
from torch import Tensor

from priorkit.interfaces import Batch, Learning, Move, Noise, Phase, System

__all__ = ["AllCodesFittingPhase", "CodeFittingPhase"]


class CodeFittingPhase(Phase):
    """Fits a prior to the aggregated posterior, a batch of codes at a time (Ghosh et al. 2020, Section 4).

    A prior that learns from codes minimises its own loss; a prior that learns by likelihood, its negative log-density.

    Args:
        system: The components; the prior learns from codes or by likelihood.
    """

    name = "code_fitting"
    batch = Batch.CODES

    def __init__(self, system: System) -> None:
        assert system.prior.learning in (Learning.CODES, Learning.LIKELIHOOD), "the prior must learn from codes"
        self.prior = system.prior
        self.players = {"prior": ("prior",)}

    def noise(self, n: int, generator: torch.Generator, device: torch.device) -> Noise:
        """`matching-K` (n, ...) for each step of a prior that learns from codes."""
        if self.prior.learning is not Learning.CODES:
            return {}
        return {
            f"matching-{step}": self.prior.code_noise(n, generator=generator, device=device)
            for step in range(self.prior.code_steps)
        }

    def moves(self, images: Tensor, noise: Noise) -> Iterator[Move]:
        """As many moves of the prior as its `code_steps`.

        Args:
            images: Codes (N, code_dim).
            noise: As `noise` returns it, and `condition` if it comes from the data.
        """
        prior, code = self.prior, images
        condition = noise.get("condition") if prior.takes_condition else None
        if prior.learning is Learning.CODES:
            for step in range(prior.code_steps):
                yield Move("prior", {"codes": prior.code_loss(code, noise[f"matching-{step}"], condition)})
            return
        fitted = prior.leaving_out(noise["indices"]) if "indices" in noise else prior
        density = fitted.log_prob(code, condition) if prior.takes_condition else fitted.log_prob(code)
        terms = {"codes": -density.mean()}
        parameter_loss = prior.parameter_loss()
        yield Move("prior", terms if parameter_loss is None else {**terms, "prior": parameter_loss})


class AllCodesFittingPhase(Phase):
    """Fits a prior to all codes at once, in closed form or by EM.

    Args:
        system: The components; the prior learns from all codes.
    """

    name = "code_fitting"
    batch = Batch.ALL_CODES

    def __init__(self, system: System) -> None:
        assert system.prior.learning is Learning.ALL_CODES, "the prior must learn from all codes"
        self.prior = system.prior
        # No move trains it: the prior changes its own tensors.
        self.players = {}

    def noise(self, n: int, generator: torch.Generator, device: torch.device) -> Noise:
        """`fitting` (n, ...): the prior's code noise."""
        return {"fitting": self.prior.code_noise(n, generator=generator, device=device)}

    def moves(self, images: Tensor, noise: Noise) -> Iterator[Move]:
        """No moves: the prior fits itself.

        Args:
            images: The codes of all training images (M, code_dim).
            noise: As `noise` returns it, and `condition` if it comes from the data.
        """
        condition = noise.get("condition") if self.prior.takes_condition else None
        with torch.no_grad():
            self.prior.fit_codes(images, noise["fitting"], condition)
        yield from ()
