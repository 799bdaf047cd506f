"""The code matching phase: trains the prior on the encoder's codes, with a fixed encoder."""

from collections.abc import Iterator

import torch
from torch import Tensor

from priorkit.interfaces import Learning, Move, Noise, Phase, System, frozen_statistics

__all__ = ["CodeMatchingPhase"]


class CodeMatchingPhase(Phase):
    """Fits a prior to the aggregated posterior: the codes of a batch's images, drawn from their posteriors.

    The adversarial autoencoder of Wang et al. 2020 moves the encoder's codes towards those of the code generator. Here
    the prior moves towards the encoder's codes, which are free to serve reconstruction.

    Args:
        system: The components; its prior learns from codes.
    """

    name = "code_matching"

    def __init__(self, system: System) -> None:
        assert system.encoder is not None, "the code matching phase needs an encoder"
        assert system.prior.learning is Learning.CODES, "the prior must learn from codes"
        self.system = system
        self.encoder = system.encoder
        self.players = {"prior": ("prior",)}

    def noise(self, n: int, generator: torch.Generator, device: torch.device) -> Noise:
        """`matching-K` (n, ...) for each step of the prior, and `posterior` (n, code_dim) of a stochastic encoder."""
        prior = self.system.prior
        noise = {
            f"matching-{step}": prior.code_noise(n, generator=generator, device=device)
            for step in range(prior.code_steps)
        }
        if self.encoder.stochastic:
            noise["posterior"] = torch.randn(n, self.encoder.code_dim, generator=generator, device=device)
        return noise

    def moves(self, images: Tensor, noise: Noise) -> Iterator[Move]:
        """As many moves of the prior as its `code_steps`."""
        prior = self.system.prior
        with torch.no_grad(), frozen_statistics(self.encoder):
            code = self.encoder(images, noise.get("posterior")).latent
        condition = noise.get("condition") if prior.takes_condition else None
        for step in range(prior.code_steps):
            yield Move("prior", {"codes": prior.code_loss(code, noise[f"matching-{step}"], condition)})
