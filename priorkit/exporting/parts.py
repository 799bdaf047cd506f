"""The parts of a trained model that are exported, as plain modules from tensors to tensors."""

from enum import Enum
from pathlib import Path

from torch import Tensor, nn

from priorkit.errors import ConfigurationError
from priorkit.interfaces import CodeKind, CodeSpace, Encoder, Prior
from priorkit.models import Model

__all__ = ["DecoderPart", "EncoderPart", "Part", "PriorPart", "SamplerPart", "module_of", "part_named"]


class Part(Enum):
    """What of a trained model a file holds."""

    DECODER = "decoder"
    """Images of codes."""

    ENCODER = "encoder"
    """Codes of images."""

    PRIOR = "prior"
    """The prior's codes of noise, and of a condition where the prior takes one."""

    SAMPLER = "sampler"
    """Images of noise: the prior, and the decoder behind it."""


def part_named(path: Path, name: str | None) -> Part:
    """The part that a file is to hold.

    Args:
        path: The file, whose stem names the part where nothing else does: `decoder` of `decoder.onnx`.
        name: The part's name; None for the stem.

    Raises:
        ConfigurationError: No part has that name.
    """
    wanted = path.stem if name is None else name
    names = [part.value for part in Part]
    if wanted in names:
        return Part(wanted)
    listed = f"{', '.join(names[:-1])} or {names[-1]}"
    if name is None:
        raise ConfigurationError(
            f"{str(path)!r} does not say which part of the model it is to hold: name one by --part (part= in Python), "
            f"{listed}, or call the file after it, such as {f'decoder{path.suffix}'!r}"
        )
    raise ConfigurationError(f"a model has no part {name!r} that can be exported: it is {listed}")


class EncoderPart(nn.Module):
    """The encoder, from images (N, C, H, W) to codes in their own shape (N, ...).

    Args:
        encoder: The encoder.
        codes: The space of its codes: where they are indices, it gives indices.
    """

    def __init__(self, encoder: Encoder, codes: CodeSpace) -> None:
        super().__init__()
        self.encoder = encoder
        self.shape = codes.shape
        self.indices = codes.kind is CodeKind.INDICES

    def forward(self, images: Tensor, noise: Tensor | None = None) -> Tensor:
        """The posteriors' means; draws from the posteriors where there is noise (N, code_dim); or indices."""
        posterior = self.encoder(images, noise)
        codes: Tensor | None = posterior.mean if noise is None else posterior.code
        if self.indices:
            codes = posterior.indices
        assert codes is not None, "an encoder of indices gives some"
        return codes.view(-1, *self.shape)


class DecoderPart(nn.Module):
    """The decoder, from codes in their own shape (N, ...) to images (N, C, H, W).

    Args:
        decoder: The decoder.
        encoder: The encoder, which turns indices into what the decoder takes; None in a model without one.
    """

    def __init__(self, decoder: nn.Module, encoder: Encoder | None) -> None:
        super().__init__()
        self.decoder = decoder
        self.encoder = encoder

    def forward(self, codes: Tensor) -> Tensor:
        """Images in [-1, 1]."""
        flat = codes.flatten(1)
        images: Tensor = self.decoder(flat if self.encoder is None else self.encoder.embed(flat))
        return images


class PriorPart(nn.Module):
    """The prior, from noise (N, ...) and perhaps a condition (N, dim) to codes in their own shape (N, ...).

    Args:
        prior: The prior.
        codes: The space of its codes.
    """

    def __init__(self, prior: Prior, codes: CodeSpace) -> None:
        super().__init__()
        self.prior = prior
        self.shape = codes.shape

    def forward(self, noise: Tensor, condition: Tensor | None = None) -> Tensor:
        """The prior's codes."""
        codes: Tensor = self.prior(noise) if condition is None else self.prior(noise, condition)
        return codes.view(-1, *self.shape)


class SamplerPart(nn.Module):
    """The prior and the decoder behind it, from noise (N, ...) and perhaps a condition (N, dim) to images.

    Args:
        prior: The prior.
        decoder: The decoder, for the prior's codes.
    """

    def __init__(self, prior: PriorPart, decoder: DecoderPart) -> None:
        super().__init__()
        self.prior = prior
        self.decoder = decoder

    def forward(self, noise: Tensor, condition: Tensor | None = None) -> Tensor:
        """Images (N, C, H, W) in [-1, 1]."""
        images: Tensor = self.decoder(self.prior(noise, condition))
        return images


def module_of(model: Model, part: Part, *, codes_from_prior: bool = True) -> nn.Module:
    """A part of a model as a module from tensors to tensors, which shares the model's networks.

    Args:
        model: The model.
        part: Which part.
        codes_from_prior: Of a decoder, whether it decodes the prior's codes, and not the encoder's: its batch norm has
            statistics for each of the two.

    Raises:
        ConfigurationError: The model has no such part.
    """
    if part is Part.ENCODER:
        if model.encoder is None:
            raise ConfigurationError(
                "this run has no encoder to export: it was trained with --encoder none, so it only samples; export its "
                "decoder, prior or sampler"
            )
        return EncoderPart(model.encoder, model.code_space)
    if part is Part.DECODER:
        return DecoderPart(model.decoder if codes_from_prior else model.reconstruction_decoder, model.encoder)
    prior = PriorPart(model.prior, model.code_space)
    return prior if part is Part.PRIOR else SamplerPart(prior, DecoderPart(model.decoder, model.encoder))
