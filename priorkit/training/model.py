"""The trained model: what samples, encodes and decodes."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import torch
from torch import Tensor, nn

from priorkit.engine import Precision, seed_for
from priorkit.interfaces import Encoder, ImageShape, Prior

__all__ = ["Model", "evaluating"]

_CHUNK = 500
"""Images computed at a time. Fixed, so that the same seed gives the same samples however many are asked for at once."""


@contextmanager
def evaluating(*modules: nn.Module) -> Iterator[None]:
    """Inside this context, networks are in evaluation mode and no gradients are kept; afterwards all is as before."""
    before = [(layer, layer.training) for module in modules for layer in module.modules()]
    for module in modules:
        module.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        for layer, training in before:
            layer.training = training


class Model:
    """An encoder, a decoder and a prior, ready to use.

    Attributes:
        shape: The images' shape.
        encoder: enc.
        decoder: dec; the averaged one where the run averages.
        prior: p(code); likewise.
    """

    def __init__(
        self, shape: ImageShape, encoder: Encoder, decoder: nn.Module, prior: Prior, precision: Precision
    ) -> None:
        self.shape = shape
        self.encoder = encoder
        self.decoder = decoder
        self.prior = prior
        self.precision = precision

    @property
    def device(self) -> torch.device:
        """Where it computes."""
        return self.precision.device

    @contextmanager
    def _ready(self) -> Iterator[None]:
        with ExitStack() as stack:
            stack.enter_context(evaluating(self.encoder, self.decoder, self.prior))
            stack.enter_context(self.precision.autocast())
            yield

    def codes(self, n: int, seed: int = 0) -> Tensor:
        """Draws `n` codes from the prior: float32 (n, code_dim) on the device. The same seed gives the same codes."""
        generator = torch.Generator().manual_seed(seed_for(seed, "sample"))
        drawn = []
        with self._ready():
            for start in range(0, n, _CHUNK):
                # Noise is made on the CPU, a whole chunk at a time: it depends on the seed, not on n or the device.
                noise = self.prior.noise(_CHUNK, generator=generator)[: n - start].to(self.device)
                drawn.append(self.prior(noise).float())
        return torch.cat(drawn)

    def decode(self, codes: Tensor) -> Tensor:
        """Turns codes (N, code_dim) into images: float32 (N, C, H, W) in [-1, 1] on the device."""
        with self._ready():
            parts = [self.decoder(part.to(self.device)).float() for part in torch.split(codes, _CHUNK)]
        return torch.cat(parts).contiguous()

    def sample(self, n: int, seed: int = 0) -> Tensor:
        """Draws `n` images: float32 (n, C, H, W) in [-1, 1] on the device. The same seed gives the same images."""
        return self.decode(self.codes(n, seed))

    def encode(self, images: Tensor) -> Tensor:
        """The codes of images (N, C, H, W) in [-1, 1]: float32 (N, code_dim); the posteriors' means."""
        with self._ready():
            parts = [self.encoder(part.to(self.device)).mean.float() for part in torch.split(images, _CHUNK)]
        return torch.cat(parts)

    def reconstruct(self, images: Tensor) -> Tensor:
        """dec(enc(x)): float32 (N, C, H, W) in [-1, 1] on the device."""
        return self.decode(self.encode(images))
