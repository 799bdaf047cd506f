"""The prior improvement phase: the prior learns to make images look real, the encoder stands still."""

from collections.abc import Iterator
from contextlib import nullcontext

import torch
from torch import Tensor

from priorkit.engine import Move, Noise, Phase, frozen_statistics
from priorkit.interfaces import ImageCritic, Learning
from priorkit.training.system import System

__all__ = ["PriorImprovementPhase"]


class PriorImprovementPhase(Phase):
    """Trains the image discriminator, and then those who fool it: the code generator and, by default, the decoder.

    The second phase of Algorithm 1 of Wang et al. 2020. D_I ascends L_I (Eq. 4); CG and dec fool the D_I so trained.
    The printed algorithm omits CG's own update, Section 3 of the text states it, and the code follows the text; that
    the decoder takes part is the paper's footnote 2 (ablation C). L_I's third term, reconstructions as fakes, stands in
    Algorithm 1 but not in Eq. 4.

    Args:
        system: The components; it must have an image critic.
        trains_decoder: Whether the decoder fools D_I too.
        reconstructions_as_fakes: Whether D_I sees reconstructions as fakes too.
    """

    name = "prior_improvement"

    def __init__(self, system: System, *, trains_decoder: bool = True, reconstructions_as_fakes: bool = False) -> None:
        assert system.image_critic is not None, "the prior improvement phase needs an image critic"
        self.system = system
        self.critic: ImageCritic = system.image_critic
        self.trains_decoder = trains_decoder
        self.trains_prior = system.prior.learning is Learning.ADVERSARIAL
        self.reconstructions_as_fakes = reconstructions_as_fakes
        self.players = {"image_critic": ("image_critic",)}
        generator = ("prior",) * self.trains_prior + ("decoder",) * trains_decoder
        if generator:
            self.players["generator"] = generator

    def noise(self, n: int, generator: torch.Generator, device: torch.device) -> Noise:
        """`prior`, and `posterior` of shape (n, code_dim) where reconstructions need it."""
        noise = {"prior": self.system.prior.noise(n, generator=generator, device=device)}
        if self.reconstructions_as_fakes and self.system.encoder.stochastic:
            noise["posterior"] = torch.randn(n, self.system.code_dim, generator=generator, device=device)
        return noise

    def moves(self, images: Tensor, noise: Noise) -> Iterator[Move]:
        """The image critic's move and the generator's."""
        adversarial_loss = self.system.adversarial_loss
        fakes = {"fake": self._generated(noise["prior"])}
        if self.reconstructions_as_fakes:
            fakes["reconstructed"] = self._reconstructed(images, noise.get("posterior"))

        # Real and generated images go through D_I apart: batch norm must not mix their statistics.
        terms = {"critic_real": adversarial_loss.real(self.critic(images))}
        for name, fake in fakes.items():
            terms[f"critic_{name}"] = adversarial_loss.fake(self.critic(fake.detach()))
        yield Move("image_critic", terms)

        if "generator" in self.players:
            with frozen_statistics(self.critic):
                terms = {
                    f"generator_{name}": adversarial_loss.generator(self.critic(fake))
                    for name, fake in fakes.items()
                    if fake.requires_grad
                }
            yield Move("generator", terms)

    def _generated(self, noise: Tensor) -> Tensor:
        with (
            nullcontext() if self.trains_prior else frozen_statistics(self.system.prior),
            nullcontext() if self.trains_decoder else frozen_statistics(self.system.decoder),
            torch.set_grad_enabled("generator" in self.players),
        ):
            images: Tensor = self.system.decoder(self.system.prior(noise))
            return images

    def _reconstructed(self, images: Tensor, noise: Tensor | None) -> Tensor:
        # The AAE phase has shown the decoder these codes already: its statistics need not see them twice.
        with frozen_statistics(self.system.encoder, self.system.decoder):
            with torch.no_grad():
                code = self.system.encoder(images, noise).code
            with torch.set_grad_enabled(self.trains_decoder):
                reconstruction: Tensor = self.system.decoder(code)
                return reconstruction
