"""The AAE phase: the autoencoder learns, the prior stands still."""

from collections.abc import Iterator

import torch
from torch import Tensor

from priorkit.engine import Move, Noise, Phase, frozen_statistics
from priorkit.interfaces import Learning
from priorkit.training.system import System

__all__ = ["AutoencoderPhase"]


class AutoencoderPhase(Phase):
    """Reconstructs images while keeping their codes close to the prior's.

    With an adversarial regularizer this is the AAE phase of Algorithm 1 of Wang et al. 2020: D_C ascends L_C (Eq. 5),
    then
    the encoder descends L_rec and fools D_C, and the decoder descends lambda * L_rec (Eq. 6). With `kl` it is a VAE.
    The critic moves first and the encoder meets the critic so trained; Algorithm 1 computes both losses beforehand,
    which the engine does on request.

    Args:
        system: The components.
        reconstruction_weight: lambda, the factor of the decoder's gradient.
    """

    name = "autoencoder"

    def __init__(self, system: System, reconstruction_weight: float = 1.0) -> None:
        self.system = system
        self.reconstruction_weight = reconstruction_weight
        self._learns_prior = system.prior.learning is Learning.LIKELIHOOD
        trained = ("encoder", "decoder", "prior") if self._learns_prior else ("encoder", "decoder")
        self.players = {"autoencoder": trained}
        if system.regularizer.has_critic:
            self.players["code_critic"] = ("code_critic",)

    def noise(self, n: int, generator: torch.Generator, device: torch.device) -> Noise:
        """`prior`, and `posterior` of shape (n, code_dim) for an encoder that draws."""
        noise = {"prior": self.system.prior.noise(n, generator=generator, device=device)}
        if self.system.encoder.stochastic:
            noise["posterior"] = torch.randn(n, self.system.code_dim, generator=generator, device=device)
        return noise

    def moves(self, images: Tensor, noise: Noise) -> Iterator[Move]:
        """The code critic's move, if there is one, and the autoencoder's."""
        system = self.system
        prior_code = self._prior_code(noise["prior"])
        posterior = system.encoder(images, noise.get("posterior"))
        if system.regularizer.has_critic:
            yield Move("code_critic", system.regularizer.critic_terms(posterior.code.detach(), prior_code.detach()))

        reconstruction = system.decoder(posterior.code)
        with frozen_statistics(*([system.image_critic] if system.image_critic is not None else [])):
            terms = {"reconstruction": system.loss(reconstruction, images, system.image_critic)}
        with frozen_statistics(system.regularizer):
            terms.update(system.regularizer.encoder_terms(posterior, system.prior, prior_code))
        yield Move("autoencoder", terms, {"decoder": self.reconstruction_weight})

    def _prior_code(self, noise: Tensor) -> Tensor:
        if self._learns_prior:
            learned: Tensor = self.system.prior(noise)
            return learned
        with torch.no_grad(), frozen_statistics(self.system.prior):
            fixed: Tensor = self.system.prior(noise)
            return fixed
