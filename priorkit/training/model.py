"""The trained model: what samples, encodes and decodes."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import torch
from torch import Tensor, nn

from priorkit.engine import Precision, seed_for
from priorkit.errors import ConfigurationError
from priorkit.interfaces import Prior
from priorkit.training.evaluation_mode import evaluating
from priorkit.training.system import System

__all__ = ["Model"]

_CHUNK = 500
"""Images computed at a time. Fixed, so that the same seed gives the same samples however many are asked for at once."""


class Model:
    """An encoder, a decoder and a prior, ready to use.

    Args:
        system: The components.
        precision: How to compute, and where.
        decoder: dec, in place of the system's: the averaged one where the run averages.
        prior: p(code); likewise.

    Attributes:
        shape: The images' shape.
        encoder: enc; None in a run without one (a GAN).
        decoder: dec.
        prior: p(code).
        condition: What images are asked for by; None in a run without a condition.
        image_critic: D_I, or None.
        recogniser: Q without its trunk, which is D_I's, or None.
        loss: L_rec, or None.
    """

    def __init__(
        self, system: System, precision: Precision, *, decoder: nn.Module | None = None, prior: Prior | None = None
    ) -> None:
        self.shape = system.shape
        self.encoder = system.encoder
        self.decoder = decoder if decoder is not None else system.decoder
        self.prior = prior if prior is not None else system.prior
        self.condition = system.condition
        self.image_critic = system.image_critic
        self.recogniser = system.recogniser
        self.loss = system.loss
        self.precision = precision

    @property
    def device(self) -> torch.device:
        """Where it computes."""
        return self.precision.device

    @contextmanager
    def ready(self) -> Iterator[None]:
        """Inside, the networks are in evaluation mode, in the model's precision, and no gradients are kept."""
        modules = (self.encoder, self.decoder, self.prior, self.image_critic, self.recogniser)
        with ExitStack() as stack:
            stack.enter_context(evaluating(*(module for module in modules if module is not None)))
            stack.enter_context(self.precision.autocast())
            yield

    def conditions(self, n: int, seed: int = 0) -> Tensor:
        """Draws what `n` images are asked for by: s, float32 (n, dim), on the device. The same seed gives the same.

        Raises:
            ConfigurationError: The run has no condition.
        """
        if self.condition is None:
            raise ConfigurationError("this run has no condition: it was trained with --condition none")
        generator = torch.Generator().manual_seed(seed_for(seed, "condition"))
        chunks = range(0, n, _CHUNK)
        drawn = [self.condition.draw(_CHUNK, generator=generator) for _ in chunks]
        return torch.cat(drawn)[:n].to(self.device)

    def codes(self, n: int, seed: int = 0, condition: Tensor | None = None) -> Tensor:
        """Draws `n` codes from the prior: float32 (n, code_dim) on the device. The same seed gives the same codes.

        Args:
            n: Number of codes.
            seed: Seed of the noise, and of the condition where that is drawn.
            condition: s, shape (n, dim), where the run has a condition; drawn if it is None.

        Raises:
            ConfigurationError: A condition is given and the run has none.
            ValueError: The condition has another shape.
        """
        if self.condition is None and condition is not None:
            raise ConfigurationError("this run has no condition: it was trained with --condition none")
        if self.condition is not None and condition is None:
            condition = self.conditions(n, seed)
        if condition is not None and self.condition is not None and condition.shape != (n, self.condition.dim):
            raise ValueError(
                f"the condition must have the shape ({n}, {self.condition.dim}), not {tuple(condition.shape)}"
            )
        generator = torch.Generator().manual_seed(seed_for(seed, "sample"))
        drawn = []
        with self.ready():
            for start in range(0, n, _CHUNK):
                # Noise is made on the CPU, a whole chunk at a time: it depends on the seed, not on n or the device.
                noise = self.prior.noise(_CHUNK, generator=generator)[: n - start].to(self.device)
                if condition is not None and self.prior.takes_condition:
                    drawn.append(self.prior(noise, condition[start : start + _CHUNK].to(self.device)).float())
                else:
                    drawn.append(self.prior(noise).float())
        return torch.cat(drawn)

    def decode(self, codes: Tensor) -> Tensor:
        """Turns codes (N, code_dim) into images: float32 (N, C, H, W) in [-1, 1] on the device."""
        with self.ready():
            parts = [self.decoder(part.to(self.device)).float() for part in torch.split(codes, _CHUNK)]
        return torch.cat(parts).contiguous()

    def sample(self, n: int, seed: int = 0, condition: Tensor | None = None) -> Tensor:
        """Draws `n` images: float32 (n, C, H, W) in [-1, 1] on the device; arguments and errors as those of `codes`."""
        return self.decode(self.codes(n, seed, condition))

    def encode(self, images: Tensor) -> Tensor:
        """The codes of images (N, C, H, W) in [-1, 1]: float32 (N, code_dim); the posteriors' means.

        Raises:
            ConfigurationError: The run has no encoder.
        """
        if self.encoder is None:
            raise ConfigurationError("this run has no encoder: it was trained with --encoder none, so it only samples")
        with self.ready():
            parts = [self.encoder(part.to(self.device)).mean.float() for part in torch.split(images, _CHUNK)]
        return torch.cat(parts)

    def reconstruct(self, images: Tensor) -> Tensor:
        """dec(enc(x)): float32 (N, C, H, W) in [-1, 1] on the device.

        Raises:
            ConfigurationError: The run has no encoder.
        """
        return self.decode(self.encode(images))

    def recognise(self, images: Tensor) -> Tensor:
        """Q(x): which s images (N, C, H, W) in [-1, 1] show; float32 (N, dim), logits where s is a class.

        Raises:
            ConfigurationError: The run has no classifier Q.
        """
        if self.recogniser is None or self.image_critic is None:
            raise ConfigurationError("this run has no classifier Q; --condition labels and categorical bring one")
        with self.ready():
            parts = [
                self.recogniser(self.image_critic.features(part.to(self.device))).float()
                for part in torch.split(images, _CHUNK)
            ]
        return torch.cat(parts)
