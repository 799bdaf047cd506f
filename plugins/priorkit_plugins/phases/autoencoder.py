"""The AAE phase: trains the autoencoder, with a fixed prior."""

from collections.abc import Iterator

import torch
from torch import Tensor

from priorkit.interfaces import Learning, Move, Noise, Phase, System, frozen_statistics

__all__ = ["AutoencoderPhase"]


class AutoencoderPhase(Phase):
    """Trains the autoencoder to reconstruct images, with codes matched to the prior's.

    With an adversarial regularizer this is the AAE phase of Algorithm 1 of Wang et al. 2020: D_C ascends L_C (Eq. 5),
    then the encoder descends L_rec and its adversarial loss, and the decoder descends lambda * L_rec (Eq. 6). With `kl`
    it is a VAE. The critic moves first, and the encoder trains against the updated critic; Algorithm 1 computes both
    losses before any update, as the engine does with `simultaneous`.

    Args:
        system: The components.
        reconstruction_weight: lambda, the factor of the decoder's gradient.
    """

    name = "autoencoder"

    def __init__(self, system: System, reconstruction_weight: float = 1.0) -> None:
        assert system.encoder is not None, "the autoencoder phase needs an encoder"
        assert system.loss is not None, "the autoencoder phase needs a reconstruction loss"
        assert system.regularizer is not None, "the autoencoder phase needs a regularizer"
        self.system = system
        self.encoder = system.encoder
        self.loss = system.loss
        self.regularizer = system.regularizer
        self.reconstruction_weight = reconstruction_weight
        self._learns_prior = system.prior.learning is Learning.LIKELIHOOD and self.regularizer.trains_prior
        trained = ("encoder", "decoder", "prior") if self._learns_prior else ("encoder", "decoder")
        self.players = {"autoencoder": trained}
        if self.regularizer.has_critic:
            self.players["code_critic"] = ("regularizer",)

    def noise(self, n: int, generator: torch.Generator, device: torch.device) -> Noise:
        """`prior` and `regularizer`; `posterior` (n, code_dim), `condition` (n, dim) and `mixing` (n,) where drawn."""
        noise = {"prior": self.system.prior.noise(n, generator=generator, device=device)}
        if self.encoder.stochastic:
            noise["posterior"] = torch.randn(n, self.encoder.code_dim, generator=generator, device=device)
        condition = self.system.condition
        if condition is not None and not condition.from_data:
            noise["condition"] = condition.draw(n, generator=generator, device=device)
        if self.regularizer.needs_mixing:
            noise["mixing"] = torch.rand(n, generator=generator, device=device)
        noise["regularizer"] = self.regularizer.encoder_noise(n, generator=generator, device=device)
        return noise

    def moves(self, images: Tensor, noise: Noise) -> Iterator[Move]:
        """The code critic's move, if there is one, and the autoencoder's."""
        system, regularizer, condition = self.system, self.regularizer, noise.get("condition")
        prior_code = self._prior_code(noise["prior"], condition)
        # A random s belongs to the prior's code alone, and not to the image.
        shared = condition if system.condition is not None and system.condition.from_data else None
        posterior = self.encoder(images, noise.get("posterior"))
        if regularizer.has_critic:
            codes = (posterior.code.detach(), prior_code.detach())
            yield Move("code_critic", regularizer.critic_terms(*codes, shared, noise.get("mixing")))

        reconstruction = system.decoder(posterior.code)
        with frozen_statistics(*([system.image_critic] if system.image_critic is not None else [])):
            terms = {"reconstruction": self.loss(reconstruction, images, system.image_critic), **posterior.terms}
        with frozen_statistics(regularizer):
            prior = system.prior.leaving_out(noise["indices"]) if "indices" in noise else system.prior
            given = (posterior, prior, prior_code, shared, noise["regularizer"])
            terms.update(regularizer.encoder_terms(*given))
        with frozen_statistics(regularizer, system.decoder):
            terms.update(regularizer.decoder_terms(system.decoder, posterior, noise["regularizer"]))
        parameter_loss = system.prior.parameter_loss() if self._learns_prior else None
        if parameter_loss is not None:
            terms["prior"] = parameter_loss
        yield Move("autoencoder", terms, {"decoder": self.reconstruction_weight})

    def _prior_code(self, noise: Tensor, condition: Tensor | None) -> Tensor:
        if not self.regularizer.needs_prior_code:
            return noise.new_empty(0, self.system.code_dim)
        if self._learns_prior:
            return self.system.prior_codes(noise, condition)
        with torch.no_grad(), frozen_statistics(self.system.prior):
            return self.system.prior_codes(noise, condition)
